package receiver

import (
	"bytes"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// Checking the signature of a body of 4 KiB, the size of a usual event, with two secrets of which the second one fits.
func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 4<<10)
	header := stripetest.Sign(body, noon, secret)
	secrets := []string{"whsec_other", secret}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if !verifySignature(body, header, secrets) {
			b.Fatal("the signature is refused")
		}
	}
}
