// Package request asks the operator for something by an annotation, and waits for its answer.
//
// Every new value of the annotation is a new request. The operator writes the value that it answered last into a status.
package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
)

// The ConfigMap by which an import is requested, as internal/importer has them. A test compares them.
const (
	ImportConfigMap  = "tollkeeper-import"
	AnnotationImport = "billing.tollkeeper.dev/import"
	ImportAnswered   = "answered-request"
)

// FieldOwner is the plugin's name in managed fields.
const FieldOwner = client.FieldOwner("kubectl-tollkeeper")

// interval is how often an answer is looked for.
const interval = 300 * time.Millisecond

// ErrNoAnswer reports that the operator did not answer in time.
var ErrNoAnswer = errors.New("the operator did not answer in time")

// Annotate sets the annotation to a value that was not used before, and returns the value.
func Annotate(ctx context.Context, c client.Client, object client.Object, annotation string, now time.Time) (string, error) {
	value := now.UTC().Format(time.RFC3339Nano)
	return value, annotate(ctx, c, object, map[string]any{annotation: value})
}

// Await reads the object again and again until isAnswered. It returns ErrNoAnswer after the timeout.
func Await(ctx context.Context, c client.Reader, object client.Object, timeout time.Duration, isAnswered func() bool) error {
	key := client.ObjectKeyFromObject(object)
	err := wait.PollUntilContextTimeout(ctx, interval, timeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, key, object); err != nil {
			return false, err
		}
		return isAnswered(), nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return ErrNoAnswer
	}
	return err
}

// IsDecided reports whether the operator has looked at the customer's spec as it is.
func IsDecided(c *v1alpha1.Customer) bool { return c.Status.ObservedGeneration >= c.Generation }

// Compared reports whether the request for a comparison is answered.
func Compared(c *v1alpha1.Customer, value string) bool {
	return c.Status.LastComparison != nil && c.Status.LastComparison.Request == value
}

// DescribeComparison says what a comparison found.
func DescribeComparison(last *v1alpha1.Comparison) string {
	switch {
	case last.NotFound:
		return "Stripe does not know the customer: is the key of the right account and mode?"
	case len(last.Remaining) > 0:
		return "Stripe has another state, and an event that is not older is shown: " + strings.Join(last.Remaining, ", ")
	case len(last.Differed) > 0:
		return "the status differed from Stripe and was repaired: " + strings.Join(last.Differed, ", ")
	default:
		return "the status matches Stripe"
	}
}

// Retried reports whether the request for a retry is answered, and the event has an outcome again.
func Retried(e *v1alpha1.BillingEvent, value string) bool {
	return e.Status.Retried == value && e.Status.Outcome != v1alpha1.OutcomePending
}

// Import is how far the import is.
type Import struct {
	// Answered reports that the operator has taken up the request.
	Answered bool
	// Accounts by name; "platform" is the own one.
	Accounts map[string]Checkpoint
}

// Checkpoint is how far the import of one account is, as internal/importer stores it.
type Checkpoint struct {
	Phase    string `json:"phase"`
	Pages    int    `json:"pages,omitempty"`
	Imported int    `json:"imported"`
	Ignored  int    `json:"ignored"`
	Refused  int    `json:"refused"`
}

// ReadImport reads the checkpoints. value is the request that they may answer.
func ReadImport(stored *corev1.ConfigMap, value string) Import {
	found := Import{Answered: value == "" || stored.Data[ImportAnswered] == value, Accounts: map[string]Checkpoint{}}
	for account, text := range stored.Data {
		var checkpoint Checkpoint
		if account != ImportAnswered && json.Unmarshal([]byte(text), &checkpoint) == nil {
			found.Accounts[account] = checkpoint
		}
	}
	return found
}

// IsOver reports whether every account's import has ended.
func (i Import) IsOver() bool {
	for _, c := range i.Accounts {
		if c.Phase != "Done" && c.Phase != "Failed" {
			return false
		}
	}
	return i.Answered && len(i.Accounts) > 0
}

// HasFailed reports whether an account's import could not be completed.
func (i Import) HasFailed() bool {
	for _, c := range i.Accounts {
		if c.Phase == "Failed" {
			return true
		}
	}
	return false
}

// String is the progress in one line.
func (i Import) String() string {
	if !i.Answered {
		return "waiting for the operator to take up the request"
	}
	var parts []string
	for account, c := range i.Accounts {
		text := fmt.Sprintf("%s: %s, %s imported", account, strings.ToLower(c.Phase), say.Count(c.Imported, "object"))
		if c.Refused > 0 {
			text += fmt.Sprintf(", %d refused", c.Refused)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "starting"
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}
