package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxReason is how many characters the reason of a dismissal may have: an annotation of an event has room for 1024.
const maxReason = 512

// Dismissal is the value of the annotation by which the user dismisses a failed event. The admission policy wants the user's
// name first. The time makes every dismissal another one: one that a retry has ended does not count again.
func Dismissal(user, reason string, now time.Time) (string, error) {
	reason = strings.TrimSpace(reason)
	switch n := utf8.RuneCountInString(reason); {
	case reason == "":
		return "", errors.New(`--reason is missing: say for other people what was done, such as --reason "Refunded by hand, ticket 4711"`)
	case n > maxReason:
		return "", fmt.Errorf("--reason has %d characters, and there is room for %d: name the ticket instead", n, maxReason)
	}
	return fmt.Sprintf("%s: %s %s", user, now.UTC().Format(time.RFC3339), reason), nil
}

// Dismiss annotates the event with the dismissal.
func Dismiss(ctx context.Context, c client.Client, e *v1alpha1.BillingEvent, dismissal string) error {
	return annotate(ctx, c, e, map[string]any{v1alpha1.AnnotationDismissed: dismissal})
}

// Retry requests a retry of the event, which ends its dismissal. It returns the value of the request.
func Retry(ctx context.Context, c client.Client, e *v1alpha1.BillingEvent, now time.Time) (string, error) {
	value := now.UTC().Format(time.RFC3339Nano)
	return value, annotate(ctx, c, e, map[string]any{v1alpha1.AnnotationRetry: value, v1alpha1.AnnotationDismissed: nil})
}

// annotate sets the annotations, and removes those that are nil.
func annotate(ctx context.Context, c client.Client, object client.Object, annotations map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	return c.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), FieldOwner)
}
