package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
)

func (p *plugin) dismiss() *cobra.Command {
	var reason string
	var allFailed bool
	cmd := &cobra.Command{
		Use:   "dismiss EVENT... | --failed --reason=TEXT",
		Short: "Say that failed events are dealt with: their alert ends",
		Long: `Say that failed events are dealt with, which no retry can use: their alert ends, and they do not make their customer
unready any more. Name them by Stripe's id (evt_…) or the name of the BillingEvent, or take all with --failed. The events
stay, and no status shows them: what they report was done by hand, or does not matter. Your name, the time and the reason are
kept in an annotation, for other people to read. A retry ends a dismissal.`,
		Example: `  kubectl tollkeeper dismiss evt_Broken --reason "Refunded by hand, ticket 4711"
  kubectl tollkeeper dismiss --failed --reason "Of the test account, ticket 4712"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if allFailed == (len(args) > 0) {
				return errors.New("name events (evt_…), or take all failed ones with --failed")
			}
			if _, err := request.Dismissal("", reason, p.Now()); err != nil {
				return err // before anything is asked
			}
			a, err := p.access()
			if err != nil {
				return err
			}
			events, err := p.failedEvents(cmd.Context(), a, args, notDismissible)
			if err != nil {
				return err
			}
			if len(events) == 0 {
				p.note("Nothing to do: no event has failed that was not dismissed.")
				return nil
			}
			return p.dismissAll(cmd.Context(), a, events, reason)
		},
	}
	cmd.Flags().BoolVar(&allFailed, "failed", false, "dismiss all failed events")
	cmd.Flags().StringVar(&reason, "reason", "", "what was done, for other people to read; needed")
	return cmd
}

// notDismissible is the error of an event that has not failed.
func notDismissible(e *v1alpha1.BillingEvent) error {
	return fmt.Errorf("%s has not failed (its outcome is %s): only a failed event can be dismissed", e.Spec.EventID, cmp.Or(string(e.Status.Outcome), "Pending"))
}

// dismissAll dismisses the events, and prints them.
func (p *plugin) dismissAll(ctx context.Context, a *access, events []v1alpha1.BillingEvent, reason string) error {
	printer, err := p.printer()
	if err != nil {
		return err
	}
	dismissal, err := request.Dismissal(a.username(ctx), reason, p.Now())
	if err != nil {
		return err
	}
	for i := range events {
		if err := request.Dismiss(ctx, a.client, &events[i], dismissal); err != nil {
			return advised(err, "dismiss "+events[i].Spec.EventID)
		}
	}
	lists.SortEvents(events)
	if printer.Format.IsForPrograms() {
		return printer.Object(v1alpha1.BillingEventList{TypeMeta: listMeta("BillingEventList"), Items: events})
	}
	if err := lists.PrintEvents(printer, events, p.Now()); err != nil {
		return err
	}
	p.note("Dismissed %s. The alert ends once no failed event is left: kubectl tollkeeper events --failed", say.Count(len(events), "event"))
	return nil
}
