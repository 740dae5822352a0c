package integration

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/command"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// Every example in the help of the plugin runs. The customers are those of the demo.
func TestTheExamplesOfThePlugin(t *testing.T) {
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.Import, c.EventAttempts = config.ImportSubscribers, 1 })
	began := time.Now().AddDate(0, 0, -1).Truncate(time.Second)
	for _, name := range []string{"Ada", "Bob", "Dan", "Eve"} {
		customer := Customer("cus_"+name, strings.ToLower(name)+"@example.com", name)
		sub := Subscription(New, "sub_"+name, "cus_"+name, "active", began, began.AddDate(0, 1, 0))
		world.Put(customer)
		world.Put(sub)
		o.send(
			Event{ID: "evt_" + name + "1", Type: "customer.created", Created: began, Shape: New, Object: customer},
			Event{ID: "evt_" + name + "2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub},
		)
	}
	for _, name := range []string{"Ada", "Bob", "Dan", "Eve"} {
		o.entitled("cus_"+name, "True SubscriptionActive")
	}
	gus := Customer("cus_Gus", "gus@example.com", "Gus")
	world.Put(gus.With("deleted", true))
	o.send(
		Event{ID: "evt_Gus1", Type: "customer.created", Created: began, Shape: New, Object: gus},
		Event{ID: "evt_Gus2", Type: "customer.deleted", Created: began.Add(time.Hour), Shape: New, Object: gus},
	)
	o.imported(patience)
	o.send(broken("evt_Broken", "cus_Ada"))
	o.outcome("evt_Broken", v1alpha1.OutcomeFailed)
	p := newPlugin(t, "-n", o.namespace)
	p.typed = "cus_Gus\n"
	p.environment = func(name string) string {
		return map[string]string{"STRIPE_ENDPOINT_SECRET": secret, "ENDPOINT": o.endpoint.URL}[name]
	}
	recorded := Event{ID: "evt_Recorded", Type: "customer.updated", Created: began, Shape: New, Object: Customer("cus_Ada", "ada@example.com", "Ada")}.JSON()
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("event.json", recorded, 0o600), os.Mkdir("events", 0o700), os.WriteFile("events/1.json", recorded, 0o600)); err != nil {
		t.Fatal(err)
	}
	archiveOf(t, "archive", o.events()...)
	examples := 0
	for _, c := range leafCommands(command.New(command.OS("test"))) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.Name())
		}
		for line := range strings.Lines(c.Example) {
			examples++
			runExample(t, p, c, strings.TrimSpace(line))
		}
	}
	o.outcome("evt_Recorded", v1alpha1.OutcomeApplied) // both replays are one event
	if examples < 20 {
		t.Errorf("there are only %d examples", examples)
	}
}

// leafCommands are the commands that do something, those of the help apart.
func leafCommands(root *cobra.Command) []*cobra.Command {
	var leaves []*cobra.Command
	for _, c := range root.Commands() {
		switch {
		case c.Name() == "help" || c.Name() == "completion":
		case c.HasSubCommands():
			leaves = append(leaves, leafCommands(c)...)
		default:
			leaves = append(leaves, c)
		}
	}
	return leaves
}

// exampleArchives are the archives that the examples name. In the test there is one, in the folder archive.
var exampleArchives = strings.NewReplacer("s3://acme-billing-archive", "file://./archive", "file:///mnt/archive", "file://./archive")

// runExample runs one line of a command's help.
func runExample(t *testing.T, p plugin, c *cobra.Command, line string) {
	t.Helper()
	name := strings.TrimPrefix(c.CommandPath(), "kubectl tollkeeper ")
	arguments, isOurs := strings.CutPrefix(exampleArchives.Replace(line), "kubectl tollkeeper "+name)
	if !isOurs {
		t.Errorf("the example %q is not one of %s", line, c.Name())
		return
	}
	words := append(strings.Fields(name), split(os.Expand(arguments, p.environment))...)
	if strings.HasSuffix(line, "--watch") {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		p.ctx = ctx
	}
	if out, problems, err := p.try(words...); err != nil {
		t.Errorf("%s: %v\n%s%s", line, err, out, problems)
	}
}

// split splits a command line at spaces outside of double quotes.
func split(line string) []string {
	var words []string
	isQuoted := false
	for part := range strings.SplitSeq(line, `"`) {
		if isQuoted {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
		isQuoted = !isQuoted
	}
	return words
}
