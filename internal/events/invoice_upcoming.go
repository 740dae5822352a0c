package events

func init() {
	register(Type{
		Name:         "invoice.upcoming",
		Record:       "invoice",
		RecordedOnly: "it previews an invoice that does not exist yet, and has no id",
		read:         readInvoice,
	})
}
