package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/find"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// eraserRole has the rights that an erasure needs.
const eraserRole = "tollkeeper-eraser-role"

// eraseFlags are the flags of erase.
type eraseFlags struct {
	reason, account string
	yes, wait       bool
	timeout         time.Duration
}

func (p *plugin) erase() *cobra.Command {
	var flags eraseFlags
	cmd := &cobra.Command{
		Use:   "erase CUSTOMER --reason=TEXT",
		Short: "Erase the personal data of a customer that is deleted at Stripe",
		Long: `Erase the personal data of a customer that is deleted at Stripe: names, addresses, cards and metadata leave its events,
and the archive; its e-mails and password resets are deleted. Amounts, ids, times and outcomes stay. What is erased does not
come back.

You are shown what there is, and type the customer's id to go on; --yes does without. Your name, the time and the reason are
kept in an annotation of the Customer, for other people to read. A request that was made before stays as it is, unless personal
data, or an archive, has come since it was answered. With --wait, the progress is printed.

A customer whose Customer is gone is named by its id (cus_…): if the cluster has events about it, its Customer is made again.`,
		Example: `  kubectl tollkeeper erase cus_Gus --reason "Ticket 4711" --wait
  kubectl tollkeeper erase cus_Gus --reason "Ticket 4711" --yes`,
		Args:              exactlyOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := request.Erasure("", flags.reason, p.Now()); err != nil {
				return err // before anything is asked
			}
			if _, err := p.printer(); err != nil {
				return err
			}
			a, customer, err := p.customerToErase(cmd.Context(), args[0], flags.account)
			if err != nil {
				return err
			}
			return p.eraseCustomer(cmd.Context(), a, customer, flags)
		},
	}
	cmd.Flags().StringVar(&flags.reason, "reason", "", "who asked for it, for other people to read, without naming the customer; needed")
	cmd.Flags().StringVar(&flags.account, "account", "", "the connected account (acct_…) of a customer whose Customer is gone")
	cmd.Flags().BoolVar(&flags.yes, "yes", false, "do not ask")
	waitFlags(cmd, &flags.wait, &flags.timeout, 5*time.Minute)
	return cmd
}

// customerToErase finds the customer. If its Customer is gone, it is a new one, which is not stored.
func (p *plugin) customerToErase(ctx context.Context, text, account string) (*access, *v1alpha1.Customer, error) {
	a, customer, err := p.customer(ctx, text)
	notFound, isGone := errors.AsType[*find.NotFoundError](err)
	if isGone && notFound.Query.Kind == find.CustomerID {
		a, namespace, err := p.installation(ctx)
		if err != nil {
			return nil, nil, err
		}
		id := notFound.Query.Text
		return a, &v1alpha1.Customer{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: naming.Object(account, id), Labels: naming.Labels("", id, "")},
			Spec:       v1alpha1.CustomerSpec{CustomerID: id, Account: account},
		}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if customer.Status.DeletedAt == nil {
		return nil, nil, fmt.Errorf("%s is not deleted at Stripe: the next event or comparison would bring its personal data back. Delete it in "+
			"Stripe's Dashboard, wait until kubectl tollkeeper explain %s says that it is deleted, and try again", customer.Spec.CustomerID, customer.Spec.CustomerID)
	}
	return a, customer, nil
}

func (p *plugin) eraseCustomer(ctx context.Context, a *access, customer *v1alpha1.Customer, flags eraseFlags) error {
	found, err := personalDataOf(ctx, a.client, customer)
	if err != nil {
		return advisedToErase(err, "look for the personal data of "+customer.Spec.CustomerID)
	}
	if customer.ResourceVersion == "" && found.isNone() {
		return nothingKnown(customer, p.restoring(ctx, a.client, customer))
	}
	archived, err := mayBeArchived(ctx, a.client, customer)
	if err != nil {
		return advisedToErase(err, "look for the archive")
	}
	if request.IsErasureStanding(customer, archived != "" || found.events+found.emails+found.resets > 0) {
		p.note("%s", request.DescribeErasure(customer))
		return p.followErasure(ctx, a, customer, flags)
	}
	if archived != "" {
		p.note("The customer was erased while the operator had no archive. What %s has of it is erased with a new request.", archived)
	}
	for line := range strings.Lines(found.describe(customer)) {
		p.note("%s", strings.TrimSuffix(line, "\n"))
	}
	if !flags.yes {
		if err := p.confirm(customer.Spec.CustomerID); err != nil {
			return err
		}
	}
	erasure, err := request.Erasure(a.username(ctx), flags.reason, p.Now())
	if err != nil {
		return err
	}
	if err := request.Erase(ctx, a.client, customer, erasure); err != nil {
		return notRequested(err, customer)
	}
	p.note("Requested.")
	return p.followErasure(ctx, a, customer, flags)
}

// followErasure waits for the answer to a request, or says where it will be.
func (p *plugin) followErasure(ctx context.Context, a *access, customer *v1alpha1.Customer, flags eraseFlags) error {
	if flags.wait {
		return p.awaitErasure(ctx, a, customer, flags.timeout)
	}
	p.note("The condition Erased of customer/%s says how far the erasure is: kubectl -n %s describe customer %s",
		customer.Name, customer.Namespace, customer.Name)
	return nil
}

// awaitErasure prints the progress whenever it changes.
func (p *plugin) awaitErasure(ctx context.Context, a *access, customer *v1alpha1.Customer, timeout time.Duration) error {
	last := ""
	err := request.Await(ctx, a.client, customer, timeout, func() bool {
		isErased, message := request.Erased(customer)
		if message != last && !isErased {
			p.note("%s", message)
		}
		last = message
		return isErased
	})
	switch {
	case errors.Is(err, request.ErrNoAnswer):
		remains, err := leftBehind(ctx, a.client, customer)
		return errors.Join(
			notErased(customer, remains, timeout, p.restoring(ctx, a.client, customer)),
			advisedToErase(err, "look for Subscriptions that are left"),
		)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("customer/%s was deleted meanwhile, and its erasure ended: erase it again by its id, %s", customer.Name, customer.Spec.CustomerID)
	case err != nil:
		return advised(err, "wait for the erasure")
	}
	printer, err := p.printer()
	if err != nil {
		return err
	}
	if printer.Format.IsForPrograms() {
		return printer.Object(customer)
	}
	_, err = fmt.Fprintln(p.Out, last)
	return err
}

// confirm has the user type the id.
func (p *plugin) confirm(id string) error {
	if p.In == nil {
		return errors.New("there is no terminal to ask at: erase without a question with --yes")
	}
	_, _ = fmt.Fprintf(p.Err, "Type %s to go on: ", id)
	typed, err := bufio.NewReader(p.In).ReadString('\n')
	switch typed = strings.TrimSpace(typed); {
	case typed == id:
		return nil
	case typed == "" && err != nil:
		return errors.New("nothing was typed, and nothing was changed: erase without a question with --yes")
	default:
		return fmt.Errorf("%q is not %s: nothing was changed", typed, id)
	}
}

// personalData counts what an erasure takes out of the cluster.
type personalData struct {
	events, ofEvents, emails, resets int
	leftBehind                       []string // Subscriptions of a former Customer
}

// isNone reports whether the cluster has nothing about a customer that has no Customer.
func (f personalData) isNone() bool { return f.ofEvents+f.emails+f.resets+len(f.leftBehind) == 0 }

func personalDataOf(ctx context.Context, c client.Reader, customer *v1alpha1.Customer) (personalData, error) {
	var found personalData
	events, err := eventsOf(ctx, c, customer)
	if err != nil {
		return found, err
	}
	found.ofEvents = len(events)
	for i := range events {
		if personal.Has(&events[i]) { // also if it is erased: a person may have annotated it since
			found.events++
		}
	}
	var emails v1alpha1.EmailList
	if err := c.List(ctx, &emails, client.InNamespace(customer.Namespace)); err != nil {
		return found, err
	}
	for i := range emails.Items {
		if emails.Items[i].Spec.CustomerRef.Name == customer.Name {
			found.emails++
		}
	}
	var resets v1alpha1.PasswordResetList
	if err := c.List(ctx, &resets, client.InNamespace(customer.Namespace)); err != nil {
		return found, err
	}
	for i := range resets.Items {
		if resets.Items[i].Spec.CustomerRef.Name == customer.Name {
			found.resets++
		}
	}
	found.leftBehind, err = leftBehind(ctx, c, customer)
	return found, err
}

// describe says what is erased, and what is not.
func (f personalData) describe(customer *v1alpha1.Customer) string {
	account := ""
	if customer.Spec.Account != "" {
		account = ", account " + customer.Spec.Account
	}
	text := fmt.Sprintf(`Personal data of %s (namespace %s%s):
  events           %d of %s: names, addresses, cards and metadata are taken out
  e-mails          %d: deleted
  password resets  %d: deleted
  archive          taken out, if there is one
Amounts, ids, times and outcomes stay. What is erased does not come back.`,
		customer.Spec.CustomerID, customer.Namespace, account, f.events, say.Count(f.ofEvents, "event"), f.emails, f.resets)
	if customer.Spec.Override != nil || len(customer.Annotations) > 0 {
		text += "\nWhat people wrote into spec.override and annotations of the Customer stays: take names out of it by hand."
	}
	if customer.ResourceVersion == "" {
		text += "\nThe Customer is gone, and is made again. The erasure begins once an event, or Stripe, says that it is deleted."
	}
	if len(f.leftBehind) > 0 {
		text += "\nA former Customer's Subscription is still there (" + strings.Join(f.leftBehind, ", ") + "): the erasure ends once Kubernetes has deleted it."
	}
	return text
}

// advisedToErase is advised with the role that an erasure needs.
func advisedToErase(err error, what string) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %w. Ask an administrator for the ClusterRole %s", what, err, eraserRole)
	}
	return advised(err, what)
}
