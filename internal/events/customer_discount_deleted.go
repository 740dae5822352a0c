package events

func init() {
	register(Type{
		Name:         "customer.discount.deleted",
		Record:       "discount",
		RecordedOnly: "discounts change no access; the amounts of invoices include them",
		read:         readDiscount,
	})
}
