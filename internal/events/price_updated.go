package events

func init() {
	register(Type{
		Name:         "price.updated",
		RecordedOnly: "a price keeps its amount; its metadata shows with the next event or comparison of a subscription",
		read:         readNothing,
	})
}
