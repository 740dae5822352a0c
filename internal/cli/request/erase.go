package request

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Erasure is the value of the annotation by which the user requests that a customer is erased. The admission policy wants the
// user's name first. The time makes every request another one.
func Erasure(user, reason string, now time.Time) (string, error) {
	reason = strings.TrimSpace(reason)
	switch n := utf8.RuneCountInString(reason); {
	case reason == "":
		return "", errors.New(`--reason is missing: say for other people who asked, without naming the customer, such as --reason "Ticket 4711"`)
	case n > maxReason:
		return "", fmt.Errorf("--reason has %d characters, and there is room for %d: name the ticket instead", n, maxReason)
	}
	return fmt.Sprintf("%s: %s %s", user, now.UTC().Format(time.RFC3339), reason), nil
}

// Erase annotates the customer with the request. A Customer that does not exist is created: the operator finds the events about
// it.
func Erase(ctx context.Context, c client.Client, customer *v1alpha1.Customer, erasure string) error {
	if customer.ResourceVersion != "" {
		return annotate(ctx, c, customer, map[string]any{v1alpha1.AnnotationErase: erasure})
	}
	customer.Annotations = map[string]string{v1alpha1.AnnotationErase: erasure}
	return c.Create(ctx, customer, FieldOwner)
}

// Erased reports whether the customer's last request for erasure is answered, and what its condition says; empty before there is
// one.
func Erased(customer *v1alpha1.Customer) (isErased bool, message string) {
	condition := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionErased)
	if condition == nil {
		return false, ""
	}
	isAnswered := customer.Status.Erasure != nil && customer.Status.Erasure.Request == v1alpha1.ErasureRequest(customer)
	return condition.Status == metav1.ConditionTrue && isAnswered, condition.Message
}
