package command

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/cli/explain"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
	"github.com/tollkeeper/tollkeeper/internal/cli/timeline"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

func (p *plugin) explain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CUSTOMER",
		Short: "Say whether a customer is entitled, why, and what changes that",
		Long: `Say whether a customer is entitled to service: a sentence that can be read out, the rule and the subscription that
decided, since when, what changes next, and what would give the customer access.`,
		Example: `  kubectl tollkeeper explain cus_Dan
  kubectl tollkeeper explain ada@example.com
  kubectl tollkeeper explain sub_Dan -o json`,
		Args:              exactlyOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			printer, err := p.printer()
			if err != nil {
				return err
			}
			a, customer, err := p.customer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			explanation, err := p.explanation(cmd.Context(), a, customer)
			if err != nil {
				return err
			}
			if printer.Format.IsForPrograms() {
				return printer.Object(explanation)
			}
			return explanation.Print(printer, p.Now())
		},
	}
}

// customer connects to the API server, and finds the customer that the text names.
func (p *plugin) customer(ctx context.Context, text string) (*access, *v1alpha1.Customer, error) {
	a, err := p.access()
	if err != nil {
		return nil, nil, err
	}
	customer, err := a.finder.Customer(ctx, text)
	if err != nil {
		return nil, nil, unreached(err)
	}
	return a, customer, nil
}

// explanation explains the customer as it was read.
func (p *plugin) explanation(ctx context.Context, a *access, customer *v1alpha1.Customer) (explain.Explanation, error) {
	subscriptions, err := subscriptionsOf(ctx, a.client, customer)
	if apierrors.IsForbidden(err) {
		err = nil // the customer shows them in brief
	}
	if err != nil {
		return explain.Explanation{}, advised(err, "list the subscriptions")
	}
	return explain.Explain(explain.Input{Customer: customer, Subscriptions: subscriptions, Now: p.Now()}), nil
}

// subscriptionsOf reads the subscriptions that the customer names.
func subscriptionsOf(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) ([]v1alpha1.Subscription, error) {
	var subscriptions []v1alpha1.Subscription
	for _, summary := range customer.Status.Subscriptions {
		var s v1alpha1.Subscription
		err := c.Get(ctx, client.ObjectKey{Namespace: customer.Namespace, Name: summary.Name}, &s)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			subscriptions = append(subscriptions, s)
		}
	}
	return subscriptions, nil
}

func (p *plugin) timeline() *cobra.Command {
	var archived bool
	var location string
	cmd := &cobra.Command{
		Use:     "timeline CUSTOMER",
		Aliases: []string{"history"},
		Short:   "List what happened to a customer, in Stripe's order",
		Long: `List what happened to a customer, in Stripe's order: its events with what each reports and what became of it, the
e-mails, the override, and what the operator decided as far as Kubernetes still has its own events (an hour, by default).

Applied: a status shows the event, or showed it. Superseded: newer events had reported everything in it. Recorded: kept for
the audit trail only. Failed: it could not be used. With -o wide, the parts of the statuses that show the event now.

Old events may have left the cluster: then a line says up to when. With --archived, those of the archive are listed too.`,
		Example: `  kubectl tollkeeper timeline cus_Bob
  kubectl tollkeeper timeline ada@example.com -o wide
  kubectl tollkeeper timeline cus_Bob --archived --archive-url=s3://acme-billing-archive`,
		Args:              exactlyOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			printer, err := p.printer()
			if err != nil {
				return err
			}
			a, customer, err := p.customer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			input, err := p.history(cmd.Context(), a, customer)
			if err != nil {
				return err
			}
			if !archived {
				p.hintAtGone(cmd.Context(), a, &input)
				return printTimeline(printer, input)
			}
			store, err := p.openArchive(cmd.Context(), location)
			if err != nil {
				return err
			}
			defer store.Close()
			return printWithArchived(cmd.Context(), printer, input, store)
		},
	}
	cmd.Flags().BoolVar(&archived, "archived", false, "list the events of the archive too")
	addArchiveFlag(cmd, &location)
	return cmd
}

func printTimeline(printer show.Printer, input timeline.Input) error {
	entries := timeline.Of(input)
	if printer.Format.IsForPrograms() {
		return printer.Object(entries)
	}
	return timeline.Print(printer, entries)
}

// printWithArchived prints the timeline with the events that have left the cluster. If a file of the archive cannot be read, what the
// others hold is printed nevertheless.
func printWithArchived(ctx context.Context, printer show.Printer, input timeline.Input, a *archive.Archive) error {
	var unreadable error
	input.Events, input.Archived, unreadable = withArchived(ctx, a, input.Customer, input.Events)
	return errors.Join(printTimeline(printer, input), unreadable)
}

// history reads what happened to the customer.
func (p *plugin) history(ctx context.Context, a *access, customer *v1alpha1.Customer) (timeline.Input, error) {
	in := timeline.Input{Customer: customer}
	var err error
	if in.Events, err = eventsOf(ctx, a.client, customer); err != nil {
		return in, advised(err, "list the events")
	}
	if in.Subscriptions, err = subscriptionsOf(ctx, a.client, customer); err != nil {
		return in, advised(err, "read the subscriptions")
	}
	var emails v1alpha1.EmailList
	selected := client.MatchingLabels(naming.Labels("", customer.Spec.CustomerID, "")) // of all customers, if its id is no valid label
	if err := a.client.List(ctx, &emails, client.InNamespace(customer.Namespace), selected); err != nil {
		return in, advised(err, "list the e-mails")
	}
	for i := range emails.Items {
		if emails.Items[i].Spec.CustomerRef.Name == customer.Name {
			in.Emails = append(in.Emails, emails.Items[i])
		}
	}
	var decisions eventsv1.EventList
	err = a.client.List(ctx, &decisions, client.InNamespace(customer.Namespace), client.MatchingFields{
		"regarding.kind": "Customer", "regarding.name": customer.Name,
	})
	switch {
	case apierrors.IsForbidden(err):
		p.note("What the operator decided is missing: you may not list Kubernetes events. The ClusterRole %s has this right.", supportRole)
	case err != nil:
		return in, advised(err, "list the Kubernetes events")
	}
	in.Decisions = decisions.Items
	return in, nil
}

// eventsOf lists the events about the customer.
func eventsOf(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) ([]v1alpha1.BillingEvent, error) {
	var events []v1alpha1.BillingEvent
	for _, selected := range naming.EventsOf(customer.Spec.CustomerID) {
		found, err := lists.Events(ctx, c, customer.Namespace, client.MatchingFields(selected))
		if err != nil {
			return nil, err
		}
		for i := range found {
			if found[i].CustomerID() == customer.Spec.CustomerID && found[i].Spec.Account == customer.Spec.Account {
				events = append(events, found[i])
			}
		}
	}
	return events, nil
}
