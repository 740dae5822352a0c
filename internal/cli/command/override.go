package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/override"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
)

// decisionTimeout is how long the operator may take to decide by a changed spec.
const decisionTimeout = 30 * time.Second

func (p *plugin) grant() *cobra.Command {
	return p.overriding(v1alpha1.OverrideGranted, &cobra.Command{
		Use:   "grant CUSTOMER --for=TIME --reason=TEXT",
		Short: "Give a customer access for a time, whatever Stripe says",
		Long: `Give a customer access for a time, whatever Stripe says. The override ends by itself; until then it decides before
everything else. Your name and the reason are kept in spec.override, for other people to read. An override that exists is
replaced.`,
		Example: `  kubectl tollkeeper grant cus_Dan --for 72h --reason "Ticket 4711"
  kubectl tollkeeper grant sub_Dan --for 2w --reason "Ticket 4711"`,
	})
}

func (p *plugin) deny() *cobra.Command {
	return p.overriding(v1alpha1.OverrideDenied, &cobra.Command{
		Use:   "deny CUSTOMER --for=TIME --reason=TEXT",
		Short: "Take a customer's access away for a time, whatever Stripe says",
		Long: `Take a customer's access away for a time, whatever Stripe says. The override ends by itself; until then it decides
before everything else. Your name and the reason are kept in spec.override, for other people to read. An override that
exists is replaced.`,
		Example: `  kubectl tollkeeper deny cus_Eve --for 1d --reason "Under review"
  kubectl tollkeeper deny cus_Eve --forever --reason "Abuse, ticket 4712"`,
	})
}

// overriding completes a command that sets an override.
func (p *plugin) overriding(kind v1alpha1.OverrideAccess, cmd *cobra.Command) *cobra.Command {
	var flags override.Flags
	cmd.Flags().StringVar(&flags.For, "for", "", "how long, such as 72h, 3d or 2w")
	cmd.Flags().StringVar(&flags.Until, "until", "", "until when, such as 2026-12-24T12:00:00Z")
	cmd.Flags().BoolVar(&flags.Forever, "forever", false, "until a person removes it with auto")
	cmd.Flags().StringVar(&flags.Reason, "reason", "", "why, for other people to read; needed")
	cmd.Args, cmd.ValidArgsFunction = exactlyOne(aCustomer), p.completeCustomers
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := override.New(kind, flags, p.Now()); err != nil {
			return err // before anything is asked
		}
		a, customer, err := p.customer(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		flags.Author = a.username(cmd.Context())
		o, err := override.New(kind, flags, p.Now())
		if err != nil {
			return err
		}
		patch, err := override.Patch(o)
		if err != nil {
			return err
		}
		if replaced := override.Replaced(&customer.Spec, p.Now()); replaced != "" {
			p.note("This replaces %s.", replaced)
		}
		return p.change(cmd.Context(), a, customer, patch)
	}
	return cmd
}

func (p *plugin) auto() *cobra.Command {
	return &cobra.Command{
		Use:   "auto CUSTOMER",
		Short: "Let the subscriptions decide again",
		Long:  `Let the subscriptions decide again: remove the override, and set spec.access to Auto.`,
		Example: `  kubectl tollkeeper auto cus_Dan
  kubectl tollkeeper auto ada@example.com`,
		Args:              exactlyOne(aCustomer),
		ValidArgsFunction: p.completeCustomers,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, customer, err := p.customer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			patch, err := override.PatchAuto(&customer.Spec)
			if err != nil {
				return err
			}
			if patch == nil {
				p.note("Nothing to do: no override, and the subscriptions decide already.")
				return p.printExplanation(cmd.Context(), a, customer)
			}
			if replaced := override.Replaced(&customer.Spec, p.Now()); replaced != "" {
				p.note("This removes %s.", replaced)
			}
			return p.change(cmd.Context(), a, customer, patch)
		},
	}
}

// username is the caller's name as the API server has authenticated it, or else the kubeconfig's name for the user.
func (a *access) username(ctx context.Context) string {
	review := &authenticationv1.SelfSubjectReview{}
	if err := a.client.Create(ctx, review); err == nil && review.Status.UserInfo.Username != "" {
		return review.Status.UserInfo.Username
	}
	return a.user
}

// change patches the customer, waits until the operator has decided by that, and prints the decision.
func (p *plugin) change(ctx context.Context, a *access, customer *v1alpha1.Customer, patch []byte) error {
	if _, err := p.printer(); err != nil {
		return err
	}
	if err := a.client.Patch(ctx, customer, client.RawPatch(types.MergePatchType, patch), request.FieldOwner); err != nil {
		return advised(err, "change the customer "+customer.Name)
	}
	err := request.Await(ctx, a.client, customer, decisionTimeout, func() bool { return request.IsDecided(customer) })
	if errors.Is(err, request.ErrNoAnswer) {
		return fmt.Errorf("the change is stored, but the operator has not decided by it within %s. Is it running? kubectl tollkeeper doctor says",
			decisionTimeout)
	}
	if err != nil {
		return advised(err, "wait for the decision")
	}
	return p.printExplanation(ctx, a, customer)
}

func (p *plugin) printExplanation(ctx context.Context, a *access, customer *v1alpha1.Customer) error {
	printer, err := p.printer()
	if err != nil {
		return err
	}
	explanation, err := p.explanation(ctx, a, customer)
	if err != nil {
		return err
	}
	if printer.Format.IsForPrograms() {
		return printer.Object(explanation)
	}
	return explanation.Print(printer, p.Now())
}
