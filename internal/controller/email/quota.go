package email

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// quotaPeriod is the time in which the messages to one address are counted.
const quotaPeriod = 24 * time.Hour

// Quota bounds the messages to one address, whose owner may not be the person who enters it in a checkout. The messages
// are counted by the hash in the attempts that the Emails' statuses show: so the count survives a restart, and holds no
// address.
type Quota struct {
	// Limit is how many messages may go to an address within 24 hours; 0 for any number.
	Limit int
	// Secret keys the hashes. With another one the count begins anew.
	Secret string
}

// hash is the keyed hash of an address. Without the secret, nobody can try addresses on it.
func (q Quota) hash(address string) (string, error) {
	key, err := hkdf.Key(sha256.New, []byte(q.Secret), nil, "tollkeeper: addresses of e-mails", sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive the key for addresses: %w", err)
	}
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte(mail.Mailbox(address)))
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// limitedError reports that the address has had its messages of a day.
type limitedError struct {
	message string
	until   time.Time
}

func (e *limitedError) Error() string { return e.message }

// checkQuota fails if no further message may go to the address now.
//
// For example, the limit is 4, and two strangers' sign-ups of 10:00 and 10:05 have sent two messages each to Ada. The
// messages of a third sign-up wait until the next day at 10:00. The one that goes first then is the fourth within 24
// hours, and so is the second.
func (r *Reconciler) checkQuota(ctx context.Context, email *storedEmail, hash string) error {
	limit := r.Quota().Limit
	if limit == 0 {
		return nil
	}
	var others v1alpha1.EmailList
	if err := r.Client.List(ctx, &others, client.InNamespace(email.Namespace),
		client.MatchingFields{routing.ByRecipient: hash}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("count the messages to the recipient of Email %s: %w", email.Name, err)
	}
	var sent []time.Time
	for i := range others.Items {
		other := &others.Items[i]
		if other.Name != email.Name && mayBeAccepted(other.Status.Attempt) {
			sent = append(sent, other.Status.Attempt.ClaimedAt.Time)
		}
	}
	until := quotaFreeAt(sent, limit)
	if !r.Clock.Now().Before(until) {
		return nil
	}
	return &limitedError{fmt.Sprintf(
		"The address has had %d messages in 24 hours, and gets no more (--mails-per-address). This one may go at %s, unless it is too old then.",
		limit, until.UTC().Format(time.RFC3339)), until}
}

// mayBeAccepted reports whether Mailgun may have accepted the attempt, or one before it.
func mayBeAccepted(attempt *v1alpha1.EmailAttempt) bool {
	return attempt.InDoubtSince != nil || attempt.Outcome != v1alpha1.AttemptNotAccepted && attempt.Outcome != v1alpha1.AttemptRejected
}

// waitForQuota shows that the address has had its messages of a day. The Email is tried again when that day is over.
func (r *Reconciler) waitForQuota(ctx context.Context, email *storedEmail, limited *limitedError) (ctrl.Result, error) {
	known := meta.FindStatusCondition(email.stored.Conditions, v1alpha1.ConditionSent)
	if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonRecipientLimited, limited.message); err != nil {
		return requeue.OnWriteError(err)
	}
	if known == nil || known.Reason != v1alpha1.ReasonRecipientLimited {
		metrics.Emails.WithLabelValues(string(email.Spec.Purpose), "limited").Inc()
	}
	return r.requeueAfter(email, limited.until.Sub(r.Clock.Now())), nil
}

// quotaFreeAt is from when on another message may be sent, after those of the times: when fewer than limit of them are
// within the last 24 hours.
func quotaFreeAt(sent []time.Time, limit int) time.Time {
	if len(sent) < limit {
		return time.Time{}
	}
	slices.SortFunc(sent, time.Time.Compare)
	return sent[len(sent)-limit].Add(quotaPeriod)
}
