package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Decoding one event, from the body to the spec of its BillingEvent.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"customer.subscription.updated", "invoice.paid", "charge.succeeded"} {
		b.Run(name, func(b *testing.B) {
			body := anyPayload(b, name)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decoder.Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Folding one event of every type into an unknown customer.
func BenchmarkFold(b *testing.B) {
	var changes []projection.Change
	for _, t := range All() {
		e, err := decoder.Decode(anyPayload(b, t.Name))
		if err != nil {
			b.Fatal(err)
		}
		changes = append(changes, Change(e))
	}
	b.ReportAllocs()
	for b.Loop() {
		var a projection.Aggregate
		projection.Fold(&a, changes)
	}
}

func anyPayload(t testing.TB, eventType string) []byte {
	t.Helper()
	names := payloads(t, eventType)
	return payload(t, eventType, names[len(names)-1])
}
