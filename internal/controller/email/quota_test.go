package email

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuotaFreeAt(t *testing.T) {
	at := func(hours ...int) []time.Time {
		var times []time.Time
		for _, h := range hours {
			times = append(times, time.Date(2026, 3, 1, h, 0, 0, 0, time.UTC))
		}
		return times
	}
	for name, tc := range map[string]struct {
		sent []time.Time
		want time.Time
	}{
		"no message":           {nil, time.Time{}},
		"fewer":                {at(1, 2), time.Time{}},
		"as many":              {at(1, 2, 3), at(25)[0]},
		"more, in any order":   {at(5, 1, 4, 2, 3), at(27)[0]},
		"all at the same time": {at(1, 1, 1, 1), at(25)[0]},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, quotaFreeAt(tc.sent, 3)); diff != "" {
				t.Errorf("free at (-want +got):\n%s", diff)
			}
		})
	}
}

// The hash is the same for the ways to write one mailbox, and another one with another secret.
func TestQuotaHash(t *testing.T) {
	hash := func(secret, address string) string {
		h, err := Quota{Secret: secret}.hash(address)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	ada := hash("key-1", "ada@example.com")
	if len(ada) != 64 || hash("key-1", "Ada+x@Example.com") != ada {
		t.Errorf("the hash of one mailbox is %s and %s", ada, hash("key-1", "Ada+x@Example.com"))
	}
	if hash("key-2", "ada@example.com") == ada || hash("key-1", "eve@example.com") == ada {
		t.Error("two secrets, or two addresses, have the same hash")
	}
}
