package events

func init() {
	register(Type{
		Name:         "charge.expired",
		Record:       "payment",
		RecordedOnly: "no money has moved: an authorization was not captured in time",
		read:         readCharge,
	})
}
