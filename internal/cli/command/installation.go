package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

func keyOf(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

func listMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}

func (p *plugin) top() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Count customers by what was decided, and show the backlog and the lag",
		Long: `Count customers by what was decided, and show the events that wait or failed, how long the newest events took from
Stripe's creation to their outcome, and the e-mails. With --watch, again and again until Ctrl-C.`,
		Example: `  kubectl tollkeeper top
  kubectl tollkeeper top --watch`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printer, err := p.printer()
			if err != nil {
				return err
			}
			a, namespace, err := p.installation(cmd.Context())
			if err != nil {
				return err
			}
			for {
				if err := p.printTop(cmd.Context(), a, namespace, printer, watch); err != nil || !watch {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(interval):
				}
			}
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "count again and again until Ctrl-C")
	cmd.Flags().DurationVar(&interval, "interval", 5*time.Second, "how long to wait between two counts")
	return cmd
}

// clearScreen moves to the top of a terminal, and clears it.
const clearScreen = "\x1b[H\x1b[2J"

func (p *plugin) printTop(ctx context.Context, a *access, namespace string, printer show.Printer, watch bool) error {
	top, err := lists.Gather(ctx, a.client, namespace, p.Now())
	switch {
	case watch && ctx.Err() != nil:
		return nil // Ctrl-C
	case err != nil:
		return advised(err, "count what the namespace "+namespace+" has")
	case printer.Format.IsForPrograms():
		return printer.Object(top)
	}
	var text strings.Builder
	buffered := printer
	buffered.Out = &text
	if err := top.Print(buffered, p.Now()); err != nil {
		return err
	}
	switch {
	case watch && p.isTerminal():
		_, err = fmt.Fprint(p.Out, clearScreen, text.String())
	case watch:
		_, err = fmt.Fprintln(p.Out, text.String())
	default:
		_, err = fmt.Fprint(p.Out, text.String())
	}
	return err
}
