package events

func init() {
	register(Type{
		Name:         "radar.early_fraud_warning.created",
		RecordedOnly: "the bank warns of fraud, and no money has moved; the event names the charge",
		read:         readNothing,
	})
}
