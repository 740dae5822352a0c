package events

func init() {
	register(Type{
		Name:         "charge.pending",
		Record:       "payment",
		RecordedOnly: "no money has moved yet, and `charge.succeeded` or `charge.failed` follows",
		read:         readCharge,
	})
}
