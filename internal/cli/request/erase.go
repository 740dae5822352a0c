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
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
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

// IsErasureStanding reports whether the customer's request for erasure is to stay as it is: its user, time and reason must not be
// lost. A new one is needed if the former one is answered, and personal data is there nevertheless, in the cluster or in the archive.
func IsErasureStanding(customer *v1alpha1.Customer, hasPersonal bool) bool {
	if customer.Annotations[v1alpha1.AnnotationErase] == "" {
		return false
	}
	isErased, _ := Erased(customer)
	return !isErased || !hasPersonal
}

// IsErasedWithoutArchive reports whether the customer's last request for erasure was answered while the operator had no archive. One
// that it has now may have the customer's personal data.
func IsErasedWithoutArchive(customer *v1alpha1.Customer) bool {
	isErased, _ := Erased(customer)
	return isErased && !customer.Status.Erasure.Archive
}

// DescribeErasure says by whom, when and why the erasure was requested, and whether it is complete.
func DescribeErasure(customer *v1alpha1.Customer) string {
	user, rest, _ := strings.Cut(customer.Annotations[v1alpha1.AnnotationErase], ": ")
	text := "The erasure of " + customer.Spec.CustomerID + " was already requested by " + user
	at, reason, _ := strings.Cut(rest, " ")
	if moment, err := time.Parse(time.RFC3339, at); err == nil {
		text += " on " + say.Moment(moment)
	} else {
		reason = rest
	}
	if reason != "" {
		text += " (" + reason + ")"
	}
	isErased, _ := Erased(customer)
	switch {
	case !isErased:
		return text + ", and is under way. That request stays."
	case IsErasedWithoutArchive(customer):
		return text + ", and is complete: nothing personal is left in the cluster, and there is no archive."
	default:
		return text + ", and is complete: nothing personal is left in the cluster and in the archive."
	}
}

// Erased reports whether the customer's last request for erasure is answered, and what its condition says; empty before there is
// one.
func Erased(customer *v1alpha1.Customer) (isErased bool, message string) {
	condition := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionErased)
	if condition == nil {
		return false, ""
	}
	return condition.Status == metav1.ConditionTrue && v1alpha1.IsErasureComplete(customer), condition.Message
}
