package email

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
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

// Only messages count that Mailgun may have accepted, and not those of the Email itself.
func TestQuotaCounts(t *testing.T) {
	now := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	for name, tc := range map[string]struct {
		email   string
		attempt v1alpha1.EmailAttempt
		counts  bool
	}{
		"accepted, or no result yet":     {"other", v1alpha1.EmailAttempt{}, true},
		"not known":                      {"other", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptUnknown}, true},
		"not accepted":                   {"other", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptNotAccepted}, false},
		"rejected":                       {"other", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptRejected}, false},
		"not accepted after an unknown":  {"other", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptNotAccepted, InDoubtSince: &now}, true},
		"rejected after an unknown":      {"other", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptRejected, InDoubtSince: &now}, true},
		"not known, of the Email itself": {"this", v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptUnknown}, false},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			other := &v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: tc.email}}
			tc.attempt.ClaimedAt = now
			other.Status.Attempt = &tc.attempt
			r := &Reconciler{
				Clock: testingclock.NewFakePassiveClock(now.Time), Quota: func() Quota { return Quota{Limit: 1} },
				Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(other).
					WithIndex(other, routing.ByRecipient, func(client.Object) []string { return []string{"ada"} }).Build(),
			}
			email := &storedEmail{Email: v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "this"}}}
			err := r.checkQuota(t.Context(), email, "ada")
			if _, limited := errors.AsType[*limitedError](err); limited != tc.counts || err != nil && !limited {
				t.Errorf("error %v; want that it counts: %t", err, tc.counts)
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
