package events

func init() {
	register(Type{
		Name:         "charge.expired",
		Record:       "payment",
		RecordedOnly: "an authorization was not captured in time, so no money has moved",
		read:         readCharge,
	})
}
