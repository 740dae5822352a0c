package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// waitFlags adds --wait and --timeout.
func waitFlags(cmd *cobra.Command, wait *bool, timeout *time.Duration, usual time.Duration) {
	cmd.Flags().BoolVar(wait, "wait", false, "wait for the answer, and print it")
	cmd.Flags().DurationVar(timeout, "timeout", usual, "how long to wait")
}

func (p *plugin) resync() *cobra.Command {
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "resync CUSTOMER",
		Short: "Compare a customer with Stripe now, and repair what differs",
		Long: `Compare a customer and its subscriptions with Stripe now, and repair what differs. The operator needs a Stripe key for
that. With --wait, the answer is printed.`,
		Example: `  kubectl tollkeeper resync cus_Ada
  kubectl tollkeeper resync cus_Ada --wait`,
		Args:              exactlyOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, customer, err := p.customer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			value, err := request.Annotate(cmd.Context(), a.client, customer, v1alpha1.AnnotationResync, p.Now())
			if err != nil {
				return advised(err, "request a comparison of "+customer.Name)
			}
			if !wait {
				p.note("Requested. The answer will be in status.lastComparison and in the condition InSync of customer/%s.", customer.Name)
				return nil
			}
			err = request.Await(cmd.Context(), a.client, customer, timeout, func() bool { return request.Compared(customer, value) })
			if errors.Is(err, request.ErrNoAnswer) {
				return notCompared(customer, timeout)
			}
			if err != nil {
				return advised(err, "wait for the comparison")
			}
			_, err = fmt.Fprintln(p.Out, show.Clean(fmt.Sprintf("%s was compared with Stripe %s: %s.", customer.Spec.CustomerID,
				say.Relative(customer.Status.LastComparison.At.Time, p.Now()), request.DescribeComparison(customer.Status.LastComparison))))
			return err
		},
	}
	waitFlags(cmd, &wait, &timeout, time.Minute)
	return cmd
}

// notCompared is the error of a comparison that was not made in time.
func notCompared(customer *v1alpha1.Customer, timeout time.Duration) error {
	inSync := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionInSync)
	if inSync != nil && inSync.Reason == v1alpha1.ReasonStripeRefuses {
		return fmt.Errorf("no comparison within %s. %s The comparison follows once Stripe accepts it", timeout, inSync.Message)
	}
	return fmt.Errorf("no comparison within %s: without a Stripe key the operator ignores the request. See kubectl tollkeeper doctor, and "+
		"kubectl -n %s events --for customer/%s for an error of Stripe's", timeout, customer.Namespace, customer.Name)
}

func (p *plugin) retry() *cobra.Command {
	var wait, allFailed bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "retry EVENT... | --failed",
		Short: "Try failed events again",
		Long: `Try failed events again, once the cause is gone. Name them by Stripe's id (evt_…) or the name of the BillingEvent, or
take all with --failed that were not dismissed. With --wait, the new outcomes are printed. A retry ends a dismissal: if the
event fails again, the alert begins again.`,
		Example: `  kubectl tollkeeper retry --failed
  kubectl tollkeeper retry --failed --wait`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if allFailed == (len(args) > 0) {
				return errors.New("name events (evt_…), or take all failed ones with --failed")
			}
			a, err := p.access()
			if err != nil {
				return err
			}
			events, err := p.failedEvents(cmd.Context(), a, args, notFailed)
			if err != nil {
				return err
			}
			if len(events) == 0 {
				p.note("Nothing to do: no event has failed.")
				return nil
			}
			return p.retryAll(cmd.Context(), a, events, wait, timeout)
		},
	}
	cmd.Flags().BoolVar(&allFailed, "failed", false, "try all failed events again")
	waitFlags(cmd, &wait, &timeout, time.Minute)
	return cmd
}

// failedEvents finds the named events, or all that failed and were not dismissed. refuse is the error of a named event that has
// not failed.
func (p *plugin) failedEvents(
	ctx context.Context, a *access, names []string, refuse func(*v1alpha1.BillingEvent) error,
) ([]v1alpha1.BillingEvent, error) {
	if len(names) == 0 {
		namespace, err := a.finder.Installation(ctx)
		if err != nil {
			return nil, unreached(err)
		}
		events, err := lists.Events(ctx, a.client, namespace, lists.Outcome(v1alpha1.OutcomeFailed))
		events = slices.DeleteFunc(events, func(e v1alpha1.BillingEvent) bool { return e.IsDismissed() })
		return events, advised(err, "list the failed events in the namespace "+namespace)
	}
	var events []v1alpha1.BillingEvent
	for _, name := range names {
		e, err := a.finder.Event(ctx, name)
		if err != nil {
			return nil, unreached(err)
		}
		if e.Status.Outcome != v1alpha1.OutcomeFailed {
			return nil, refuse(e)
		}
		events = append(events, *e)
	}
	return events, nil
}

// notFailed is the error of an event that the command does not try again. A Recorded one may be tried with a label.
func notFailed(e *v1alpha1.BillingEvent) error {
	switch e.Status.Outcome {
	case v1alpha1.OutcomePending:
		return fmt.Errorf("%s has not failed: it is pending, and is tried again by itself", e.Spec.EventID)
	case v1alpha1.OutcomeRecorded:
		return fmt.Errorf("%s has not failed (its outcome is Recorded): only a failed event is tried again. This one is tried with a label:\n"+
			"  kubectl -n %s label billingevent %s %s=\"$(date +%%s)\" --overwrite", e.Spec.EventID, e.Namespace, e.Name, v1alpha1.LabelRetry)
	default:
		return fmt.Errorf("%s has not failed (its outcome is %s): only a failed event is tried again", e.Spec.EventID, e.Status.Outcome)
	}
}

// retryAll requests the retries, and prints the new outcomes if wanted. It fails if an event failed again.
func (p *plugin) retryAll(ctx context.Context, a *access, events []v1alpha1.BillingEvent, wait bool, timeout time.Duration) error {
	requests := make([]string, len(events))
	for i := range events {
		value, err := request.Retry(ctx, a.client, &events[i], p.Now())
		if err != nil {
			return advised(err, "request a retry of "+events[i].Spec.EventID)
		}
		requests[i] = value
	}
	if !wait {
		p.note("Requested for %s. See what becomes of them: kubectl tollkeeper events --failed", say.Count(len(events), "event"))
		return nil
	}
	failed := 0
	deadline := p.Now().Add(timeout)
	for i := range events {
		e := &events[i]
		err := request.Await(ctx, a.client, e, max(time.Second, deadline.Sub(p.Now())), func() bool { return request.Retried(e, requests[i]) })
		switch {
		case errors.Is(err, request.ErrNoAnswer):
			return fmt.Errorf("%s has no outcome within %s: see kubectl tollkeeper events --pending, and kubectl tollkeeper doctor", e.Spec.EventID, timeout)
		case err != nil:
			return advised(err, "wait for "+e.Spec.EventID)
		case e.Status.Outcome == v1alpha1.OutcomeFailed:
			failed++
		}
	}
	printer, err := p.printer()
	if err != nil {
		return err
	}
	lists.SortEvents(events)
	if printer.Format.IsForPrograms() {
		err = printer.Object(v1alpha1.BillingEventList{TypeMeta: listMeta("BillingEventList"), Items: events})
	} else {
		err = lists.PrintEvents(printer, events, p.Now())
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%s failed again, for the reason in the column MESSAGE", say.Count(failed, "event"))
	}
	return err
}

func (p *plugin) importAll() *cobra.Command {
	var wait, status bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "import",
		Short: "List everything from Stripe again",
		Long: `List everything that the Stripe account has again: the operator puts into the cluster what is missing, and corrects what
differs. It needs a Stripe key, and takes minutes for tens of thousands of customers. With --wait, the progress is printed.`,
		Example: `  kubectl tollkeeper import
  kubectl tollkeeper import --status`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, namespace, err := p.installation(cmd.Context())
			if err != nil {
				return err
			}
			stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: request.ImportConfigMap}}
			if status {
				return p.printImport(cmd.Context(), a, stored)
			}
			value, err := request.Annotate(cmd.Context(), a.client, stored, request.AnnotationImport, p.Now())
			if err != nil {
				return importRequestError(err, namespace)
			}
			if !wait {
				p.note("Requested. See how far it is: kubectl tollkeeper import --status")
				return nil
			}
			return p.awaitImport(cmd.Context(), a, stored, value, timeout)
		},
	}
	cmd.Flags().BoolVar(&status, "status", false, "only print how far the last import is")
	waitFlags(cmd, &wait, &timeout, time.Hour)
	return cmd
}

func importError(err error, namespace string) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no ConfigMap %s in the namespace %s: the operator creates it once it has a Stripe key. "+
			"If Tollkeeper is in another namespace, name it with --namespace", request.ImportConfigMap, namespace)
	}
	return advised(err, "read the import")
}

// importRequestError is importError of a request, which supportRole does not permit.
func importRequestError(err error, namespace string) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("request an import: %w. Ask an administrator to request it: %s may only read how far the last one is, "+
			"with kubectl tollkeeper import --status", err, supportRole)
	}
	return importError(err, namespace)
}

func (p *plugin) printImport(ctx context.Context, a *access, stored *corev1.ConfigMap) error {
	if err := a.client.Get(ctx, keyOf(stored), stored); err != nil {
		return importError(err, stored.Namespace)
	}
	progress := request.ReadImport(stored, stored.Annotations[request.AnnotationImport])
	printer, err := p.printer()
	if err != nil {
		return err
	}
	if printer.Format.IsForPrograms() {
		return printer.Object(progress)
	}
	_, err = fmt.Fprintln(p.Out, progress)
	return err
}

// awaitImport prints the progress whenever it changes.
func (p *plugin) awaitImport(ctx context.Context, a *access, stored *corev1.ConfigMap, value string, timeout time.Duration) error {
	var progress request.Import
	last := ""
	err := request.Await(ctx, a.client, stored, timeout, func() bool {
		progress = request.ReadImport(stored, value)
		if text := progress.String(); text != last {
			p.note("%s", text)
			last = text
		}
		return progress.IsOver()
	})
	switch {
	case errors.Is(err, request.ErrNoAnswer):
		return fmt.Errorf("the import is not over within %s (%s). It goes on: kubectl tollkeeper import --status", timeout, last)
	case err != nil:
		return advised(err, "wait for the import")
	case progress.HasFailed():
		return errors.New("the import failed: read the operator's log")
	}
	_, err = fmt.Fprintln(p.Out, "The import is done.")
	return err
}

// installation finds the namespace of Tollkeeper.
func (p *plugin) installation(ctx context.Context) (*access, string, error) {
	a, err := p.access()
	if err != nil {
		return nil, "", err
	}
	namespace, err := a.finder.Installation(ctx)
	return a, namespace, unreached(err)
}
