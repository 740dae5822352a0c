package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// nothingKnown is the error of a customer of which the cluster has nothing: its id is mistyped, or only the archive has its events. A
// Customer made for it would wait for ever, or show for ever a customer that there never was.
func nothingKnown(customer *v1alpha1.Customer, restore string) error {
	id, account := customer.Spec.CustomerID, ""
	if customer.Spec.Account == "" {
		account = "; name its connected account with --account, if it has one"
	}
	return fmt.Errorf("nothing is known of %s in the namespace %s: it has no Customer, no Subscription and no event there, and nothing was changed. "+
		"Check that the id is complete, its upper and lower case%s. If only the archive has its events, bring them back first, and erase then:\n%s",
		id, customer.Namespace, account, restore)
}

// restoring is the command that brings the archived events of a customer back. It names the archive that the operator has noted, if the
// caller may read that.
func (p *plugin) restoring(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) string {
	noted, _ := notedArchive(ctx, c, customer.Namespace)
	text := fmt.Sprintf("  kubectl tollkeeper archive restore%s --customer=%s --apply", p.archiveFlag(noted), customer.Spec.CustomerID)
	if p.Getenv(archiveURL) == "" {
		text += "\nThe URL is that of the operator's --archive-url, with its parameters."
	}
	return text
}

// notedArchive is the URL of the operator's archive, without most parameters; empty if it has noted none.
func notedArchive(ctx context.Context, c client.Reader, namespace string) (string, error) {
	var noted corev1.ConfigMap
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: archivenote.ConfigMap}, &noted)
	return noted.Data[archivenote.Archive], client.IgnoreNotFound(err)
}

// notRequested is the error of a request for erasure that the API server does not accept.
func notRequested(err error, customer *v1alpha1.Customer) error {
	what := "request the erasure of " + customer.Spec.CustomerID
	switch {
	case customer.ResourceVersion != "" && apierrors.IsNotFound(err):
		return fmt.Errorf("%s: customer/%s was deleted meanwhile: run the command again with the id, %s", what, customer.Name, customer.Spec.CustomerID)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: customer/%s was made meanwhile: run the command again", what, customer.Name)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s: the namespace %s does not exist: name Tollkeeper's with --namespace", what, customer.Namespace)
	default:
		return advisedToErase(err, what)
	}
}

// mayBeArchived is the archive that may have personal data of a customer that was erased while the operator had none; empty if there is
// no such customer, or no archive. If the operator was started without its archive, the ConfigMap still names it.
func mayBeArchived(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) (string, error) {
	if !request.IsErasedWithoutArchive(customer) {
		return "", nil
	}
	return notedArchive(ctx, c, customer.Namespace)
}

// leftBehind names the Subscriptions of a former Customer of the same name.
func leftBehind(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) ([]string, error) {
	var subscriptions v1alpha1.SubscriptionList
	selected := client.MatchingLabels(naming.Labels("", customer.Spec.CustomerID, "")) // of all customers, if its id is no valid label
	if err := c.List(ctx, &subscriptions, client.InNamespace(customer.Namespace), selected); err != nil {
		return nil, err
	}
	var names []string
	for i := range subscriptions.Items {
		s := &subscriptions.Items[i]
		owner := metav1.GetControllerOf(s)
		if s.Spec.CustomerRef.Name == customer.Name && owner != nil && owner.UID != customer.UID {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// notErased is the error of an erasure that is not complete in time: what it waits for, and what to do about that. The operator makes
// no Subscription anew while one of the former Customer has its name.
func notErased(customer *v1alpha1.Customer, remains []string, timeout time.Duration, restore string) error {
	var why, todo string
	condition := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionErased)
	switch {
	case len(remains) > 0:
		why = "The former Customer's Subscription " + strings.Join(remains, ", ") + " is still there, and the operator waits until it is gone."
		todo = fmt.Sprintf("Kubernetes deletes it by itself; if it does not, delete it:\n  kubectl -n %s delete subscriptions.billing.tollkeeper.dev %s",
			customer.Namespace, strings.Join(remains, " "))
	case condition == nil:
		why, todo = "The operator has not begun.", "Is it running? See kubectl tollkeeper doctor"
	case condition.Reason == v1alpha1.ReasonNotDeletedAtStripe && customer.Status.DeletedAt == nil:
		why = condition.Message
		todo = "If it is deleted there, the operator has not read that: without a Stripe key, it needs the event. " +
			"If the archive has it:\n" + restore
	default:
		why, todo = condition.Message, fmt.Sprintf("It goes on: see the condition Erased of customer/%s, and kubectl tollkeeper doctor", customer.Name)
	}
	return fmt.Errorf("the erasure is not complete within %s. %s %s", timeout, why, todo)
}
