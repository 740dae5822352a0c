package packed

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

func BenchmarkPack(b *testing.B) {
	for name, kind := range map[string]*kind{"Customer": customers, "Subscription": subscriptions} {
		whole := sampleOf(b, kind)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				kind.pack(whole)
			}
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	for name, kind := range map[string]*kind{"Customer": customers, "Subscription": subscriptions} {
		packed := kind.pack(sampleOf(b, kind)).(*object)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				packed.unpack()
			}
		})
	}
}

func sampleOf(tb testing.TB, kind *kind) client.Object {
	tb.Helper()
	text := sampleCustomer
	if kind == subscriptions {
		text = sampleSubscription
	}
	whole := kind.new()
	if err := json.Unmarshal(text, whole); err != nil {
		tb.Fatal(err)
	}
	return whole
}
