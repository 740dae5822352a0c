package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/credentials"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// CommandName is the first argument that makes the manager run Command.
const CommandName = "webhook-endpoint"

// The exit codes of Command, as those of `kubectl diff`.
const (
	// ExitDone: Stripe has the endpoint as it should be, or without a key it was printed.
	ExitDone = 0
	// ExitDiffers: Stripe has not, and nothing was changed, because --apply was not given.
	ExitDiffers = 1
	// ExitFailed: the arguments are wrong, or Stripe could not be read or changed.
	ExitFailed = 2
)

const usage = `Makes Stripe post to URL every event that Tollkeeper handles. Without --apply it only prints what would change.
The API key is read from STRIPE_SECRET_KEY, or the file that STRIPE_SECRET_KEY_FILE names; without it, the endpoint is printed and not compared with Stripe.

  manager webhook-endpoint --url https://billing.example.com/webhooks/stripe
  manager webhook-endpoint --url https://billing.example.com/webhooks/stripe --apply

When an endpoint is created, its signing secret is the only output on standard output: put it into
STRIPE_ENDPOINT_SECRET. Everything else goes to standard error then.

Exit codes: 0 Stripe has the endpoint as it should be, or there is no key to ask; 1 it has not, and --apply was not
given; 2 failed.

Flags:
`

// command is one run of Command.
type command struct {
	url, version, output string
	connect, apply       bool
	key, base            string
	stdout, stderr       io.Writer
}

// Command prints, creates or updates the webhook endpoint. args are the arguments after CommandName. It returns the exit
// code.
func Command(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	c := command{stdout: stdout, stderr: stderr}
	sources, err := credentials.Open([]string{config.EnvStripeSecretKey, config.EnvStripeAPIBase}, getenv, "")
	if err != nil {
		return c.fail(err)
	}
	c.key, c.base = sources.Get(config.EnvStripeSecretKey), sources.Get(config.EnvStripeAPIBase)
	if err := c.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return ExitDone
		}
		return c.fail(err)
	}
	p, err := c.run(ctx)
	switch {
	case err != nil:
		return c.fail(explain(err, p.Endpoint.EnabledEvents))
	case c.show(p) != nil:
		return ExitFailed
	case p.Applied || p.Action == actionNone || p.Action == actionPrint:
		return ExitDone
	default:
		_, _ = fmt.Fprintln(stderr, "Nothing was changed. Add --apply to change it.")
		return ExitDiffers
	}
}

func (c *command) fail(err error) int {
	_, _ = fmt.Fprintf(c.stderr, "tollkeeper: %v\n", err)
	return ExitFailed
}

func (c *command) parse(args []string) error {
	flags := flag.NewFlagSet("manager "+CommandName, flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(c.stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&c.url, "url", "", "The URL that Stripe posts to. It leads to the receiver. Required.")
	flags.StringVar(&c.version, "api-version", newestVersion, "Stripe's API version of the events of a new endpoint. It cannot be changed later.")
	flags.BoolVar(&c.connect, "connect", false, "The endpoint is for the events of connected accounts instead of the platform's own.")
	flags.BoolVar(&c.apply, "apply", false, "Create or update the endpoint. The key needs the permission Webhook Endpoints: Write.")
	flags.StringVar(&c.output, "o", "text", "Output: text or json.")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !stripejson.IsVersion(c.version):
		return fmt.Errorf("--api-version is %q: want the form YYYY-MM-DD or YYYY-MM-DD.name, such as %s", c.version, newestVersion)
	case c.url == "":
		return errors.New("--url is not set: set it to the URL of POST /webhooks/stripe at your ingress")
	case c.output != "text" && c.output != "json":
		return fmt.Errorf("-o is %q: want text or json", c.output)
	case c.apply && c.key == "":
		return fmt.Errorf("--apply needs %s", config.EnvStripeSecretKey)
	}
	return errors.Join(config.EndpointURL("--url", c.url), config.StripeAPI(c.key, c.base))
}

func (c *command) run(ctx context.Context) (plan, error) {
	want := wanted(c.url, c.version)
	if c.key == "" {
		return plan{Action: actionPrint, Connect: c.connect, Endpoint: want, AddedEvents: want.EnabledEvents}, nil
	}
	client := stripeapi.New(c.key, c.base, "")
	present, err := client.WebhookEndpoints(ctx)
	if err != nil {
		return plan{}, err
	}
	p, err := planFor(want, c.connect, present)
	if err != nil || !c.apply || p.Action == actionNone {
		return p, err
	}
	var changed stripeapi.WebhookEndpoint
	if p.Action == actionCreate {
		changed, err = client.CreateWebhookEndpoint(ctx, p.Endpoint, c.connect)
	} else {
		changed, err = client.UpdateWebhookEndpoint(ctx, p.Endpoint)
	}
	if err != nil {
		return p, err
	}
	p.Endpoint, p.Applied = changed, true
	return p, nil
}

// show prints the plan. With --apply, standard output has nothing but the secret of a new endpoint, or with -o json the JSON.
func (c *command) show(p plan) error {
	if c.output == "json" {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(p)
	}
	if !c.apply {
		p.print(c.stdout)
		return nil
	}
	p.print(c.stderr)
	if p.Applied {
		_, _ = fmt.Fprintf(c.stderr, "Done: the webhook endpoint is %s.\n", p.Endpoint.ID)
	}
	if p.Endpoint.Secret == "" {
		return nil
	}
	_, _ = fmt.Fprintln(c.stderr, "Its signing secret follows on standard output. Put it into STRIPE_ENDPOINT_SECRET.")
	_, err := fmt.Fprintln(c.stdout, p.Endpoint.Secret)
	return err
}
