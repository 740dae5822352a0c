package command

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tollkeeper/tollkeeper/internal/cli/doctor"
)

func (p *plugin) doctor() *cobra.Command {
	var offline, fromEnvironment bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation, and say what to do",
		Long: `Check the installation: the CRDs, the admission policies, the rights of the operator's account, which keys the Secret has,
and the first digits of their SHA-256, the pods, the operator's settings, the leader, the import, the backlog, failed events,
customers that are not known, and e-mails. Each line says what to do. It ends with 1 if a check failed.

If you may read the Secret, Stripe and Mailgun are asked with its keys, from this machine: whether they accept the keys, which
permissions the Stripe key lacks, whether the webhook endpoint is there and posts every event, whether the domain may send,
and whether the clocks agree. Nothing is changed there, and no key is printed. With --offline, they are not asked.

What you may not read is skipped: an administrator sees more than support.`,
		Example: `  kubectl tollkeeper doctor
  kubectl tollkeeper doctor --offline -o json`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if offline && fromEnvironment {
				return errors.New("--offline and --stripe-key-from-env exclude each other: the key is for asking Stripe")
			}
			printer, err := p.printer()
			if err != nil {
				return err
			}
			a, namespace, err := p.installation(cmd.Context())
			if err != nil {
				return err
			}
			d := &doctor.Doctor{Config: a.config, Client: a.client, Namespace: namespace, Now: p.Now}
			if offline {
				d.Offline = "--offline is set"
			}
			if fromEnvironment {
				d.Environment = p.Getenv
			}
			lines := d.Run(cmd.Context())
			if printer.Format.IsForPrograms() {
				err = printer.Object(lines)
			} else {
				err = doctor.Print(printer, lines)
			}
			if err == nil && doctor.HasFailed(lines) {
				err = errors.New("a check failed")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask the API server only, and neither Stripe nor Mailgun")
	cmd.Flags().BoolVar(&fromEnvironment, "stripe-key-from-env", false, "ask Stripe with the key in STRIPE_SECRET_KEY (and at STRIPE_API_BASE), not with that of the Secret")
	return cmd
}
