package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/doctor"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/redact"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// maxReported bounds how many events of one kind a report holds.
const maxReported = 20

// report is what a bug report holds.
type report struct {
	Plugin  string        `json:"plugin"`
	At      metav1.Time   `json:"at"`
	Doctor  []doctor.Line `json:"doctor"`
	Top     *lists.Top    `json:"top"`
	Objects []any         `json:"objects"`
}

func (p *plugin) report() *cobra.Command {
	return &cobra.Command{
		Use:   "report [CUSTOMER]",
		Short: "Print what a bug report needs, without personal data",
		Long: `Print what a bug report needs, as YAML or JSON: the versions, what doctor and top say, events that failed or wait, and
everything about the customer that you name. Names, addresses, the values of metadata, what people wrote into overrides and
the digits of cards are taken out. Stripe's ids stay. Read it before you send it.`,
		Example: `  kubectl tollkeeper report
  kubectl tollkeeper report cus_Dan -o json`,
		Args:              atMostOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			printer, err := p.printer()
			if err != nil {
				return err
			}
			if !printer.Format.IsForPrograms() {
				printer.Format = show.YAML
			}
			a, namespace, err := p.installation(cmd.Context())
			if err != nil {
				return err
			}
			var objects []any
			if len(args) == 1 {
				if objects, namespace, err = p.allAbout(cmd.Context(), a, args[0]); err != nil {
					return err
				}
			}
			r, err := p.gatherReport(cmd.Context(), a, namespace, objects)
			if err != nil {
				return err
			}
			return printer.Object(r)
		},
	}
}

// allAbout reads everything about a customer, and returns its namespace.
func (p *plugin) allAbout(ctx context.Context, a *access, text string) (objects []any, namespace string, err error) {
	customer, err := a.finder.Customer(ctx, text)
	if err != nil {
		return nil, "", err
	}
	history, err := p.history(ctx, a, customer)
	if err != nil {
		return nil, "", err
	}
	customer.TypeMeta = listMeta("Customer")
	objects = append(objects, customer)
	for i := range history.Subscriptions {
		history.Subscriptions[i].TypeMeta = listMeta("Subscription")
		objects = append(objects, &history.Subscriptions[i])
	}
	lists.SortEvents(history.Events)
	for i := range history.Events {
		history.Events[i].TypeMeta = listMeta("BillingEvent")
		objects = append(objects, &history.Events[i])
	}
	for i := range history.Emails {
		history.Emails[i].TypeMeta = listMeta("Email")
		objects = append(objects, &history.Emails[i])
	}
	return objects, customer.Namespace, nil
}

// gatherReport adds what is reported of every installation.
func (p *plugin) gatherReport(ctx context.Context, a *access, namespace string, objects []any) (*report, error) {
	d := &doctor.Doctor{Config: a.config, Client: a.client, Namespace: namespace, Now: p.Now, Offline: "a report asks the API server only"}
	r := &report{Plugin: p.Version, At: metav1.NewTime(p.Now()), Doctor: d.Run(ctx), Objects: []any{}}
	var err error
	if r.Top, err = lists.Gather(ctx, a.client, namespace, p.Now()); err != nil {
		return nil, advised(err, "count what the namespace "+namespace+" has")
	}
	for _, outcome := range []v1alpha1.Outcome{v1alpha1.OutcomeFailed, v1alpha1.OutcomePending} {
		events, err := lists.Events(ctx, a.client, namespace, lists.Outcome(outcome))
		if err != nil {
			return nil, advised(err, "list the events")
		}
		lists.SortEvents(events)
		for i := range events[:min(len(events), maxReported)] {
			events[i].TypeMeta = listMeta("BillingEvent")
			objects = append(objects, &events[i])
		}
	}
	for _, object := range objects {
		clean, err := redact.Object(object)
		if err != nil {
			return nil, fmt.Errorf("take out personal data: %w", err)
		}
		r.Objects = append(r.Objects, clean)
	}
	return r, nil
}
