package census

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// reasonPending stands for the reason of an Email that has no condition yet.
const reasonPending = "Pending"

// waitsForOthers are the reasons that no failure gives: a person turned e-mails off, the address has had its messages of
// the day, or the sign-up is not paid yet, which takes days by some payment methods.
var waitsForOthers = []string{v1alpha1.ReasonEmailsOff, v1alpha1.ReasonRecipientLimited, v1alpha1.ReasonSignupNotConfirmed}

// unsent are the Emails that may still be sent, by the reason of Sent, and the age of the oldest that is late.
type unsent struct {
	byReason map[string]int
	oldest   time.Duration
}

// countUnsent counts Emails that are neither settled nor being deleted.
func countUnsent(emails []v1alpha1.Email, now time.Time) unsent {
	found := unsent{byReason: map[string]int{}}
	for i := range emails {
		e := &emails[i]
		if e.SettledAt() != nil || !e.DeletionTimestamp.IsZero() {
			continue
		}
		reason := reasonPending
		if c := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionSent); c != nil {
			reason = c.Reason
		}
		found.byReason[reason]++
		if !slices.Contains(waitsForOthers, reason) {
			found.oldest = max(found.oldest, now.Sub(e.CreationTimestamp.Time))
		}
	}
	return found
}

func (u unsent) report() {
	metrics.EmailsUnsent.Reset()
	for reason, n := range u.byReason {
		metrics.EmailsUnsent.WithLabelValues(reason).Set(float64(n))
	}
	metrics.OldestUnsentEmail.Set(u.oldest.Seconds())
}
