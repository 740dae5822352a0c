package command

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
)

// eventFilter selects events by what became of them; nothing selects all.
type eventFilter struct{ failed, dismissed, pending bool }

// selects reports whether the filter selects the event.
func (f eventFilter) selects(e *v1alpha1.BillingEvent) bool {
	switch {
	case f == eventFilter{}:
		return true
	case e.IsDismissed():
		return f.dismissed
	case e.Status.Outcome == v1alpha1.OutcomeFailed:
		return f.failed
	default:
		return f.pending && e.Status.Outcome == v1alpha1.OutcomePending
	}
}

// fields are what the API server can select by.
func (f eventFilter) fields() client.MatchingFields {
	switch {
	case f.failed, f.dismissed:
		return lists.Outcome(v1alpha1.OutcomeFailed)
	case f.pending:
		return lists.Outcome(v1alpha1.OutcomePending)
	default:
		return nil
	}
}

// none says that no event is selected.
func (f eventFilter) none() string {
	switch {
	case f.failed && !f.dismissed:
		return "No event has failed that was not dismissed."
	case f.failed:
		return "No event has failed."
	case f.dismissed:
		return "No event was dismissed."
	case f.pending:
		return "No event waits."
	default:
		return "There is no event."
	}
}

func (p *plugin) events() *cobra.Command {
	var filter eventFilter
	cmd := &cobra.Command{
		Use:   "events [CUSTOMER]",
		Short: "List events, with what became of them and why",
		Long: `List events in Stripe's order, with what became of them and why: all, those of one customer, or those that failed or wait.
A failed event that a person has dismissed is listed with --dismissed, and with --failed only beside it.`,
		Example: `  kubectl tollkeeper events --failed
  kubectl tollkeeper events --failed --dismissed
  kubectl tollkeeper events --pending
  kubectl tollkeeper events cus_Ada -o wide`,
		Args:              atMostOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if filter.pending && (filter.failed || filter.dismissed) {
				return errors.New("--pending excludes --failed and --dismissed: an event waits, or it has failed")
			}
			printer, err := p.printer()
			if err != nil {
				return err
			}
			events, err := p.listEvents(cmd.Context(), args, filter)
			if err != nil {
				return err
			}
			lists.SortEvents(events)
			if printer.Format.IsForPrograms() {
				return printer.Object(v1alpha1.BillingEventList{TypeMeta: listMeta("BillingEventList"), Items: events})
			}
			if len(events) == 0 {
				p.note("%s", filter.none())
				return nil
			}
			return lists.PrintEvents(printer, events, p.Now())
		},
	}
	cmd.Flags().BoolVar(&filter.failed, "failed", false, "only events that could not be used and were not dismissed")
	cmd.Flags().BoolVar(&filter.dismissed, "dismissed", false, "only failed events that a person has dismissed; with --failed, all failed events")
	cmd.Flags().BoolVar(&filter.pending, "pending", false, "only events that wait")
	return cmd
}

// listEvents lists the events of the customer that the arguments name, or of all, as the filter selects them.
func (p *plugin) listEvents(ctx context.Context, args []string, filter eventFilter) ([]v1alpha1.BillingEvent, error) {
	var events []v1alpha1.BillingEvent
	if len(args) == 1 {
		a, customer, err := p.customer(ctx, args[0])
		if err != nil {
			return nil, err
		}
		if events, err = eventsOf(ctx, a.client, customer); err != nil {
			return nil, advised(err, "list the events of "+customer.Spec.CustomerID)
		}
	} else {
		a, namespace, err := p.installation(ctx)
		if err != nil {
			return nil, err
		}
		if events, err = lists.Events(ctx, a.client, namespace, filter.fields()); err != nil {
			return nil, advised(err, "list the events in the namespace "+namespace)
		}
	}
	return slices.DeleteFunc(events, func(e v1alpha1.BillingEvent) bool { return !filter.selects(&e) }), nil
}
