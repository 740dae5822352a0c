package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// An operator is installed into an account that is years old, and Stripe posts fragments of its customers' lives from the first second on:
// a change of address, a small charge, an update of a subscription. At no moment is a customer whom Stripe serves published as locked out,
// nor one whom it does not serve as entitled.
//
// CUSTOMERS=2000 in the environment tries an account of that size.
func TestInstallationWhileWebhooksFlow(t *testing.T) {
	customers, patience := 200, 4*patience
	if n, err := strconv.Atoi(os.Getenv("CUSTOMERS")); err == nil {
		customers, patience = n, time.Hour
	}
	world, want := oldAccount(customers)
	_, withStripe := stripe(t, world)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	watched := watchEntitlements(t, namespace)
	o := startIn(t, namespace, withStripe, func(c *config.Config) { c.Import = config.ImportSubscribers })

	now := time.Now().Truncate(time.Second)
	var posts errgroup.Group
	posts.SetLimit(8)
	for i := range customers {
		id := fmt.Sprintf("cus_Old%05d", i)
		if want[id] == "" {
			want[id] = "False NoSubscription" // it is there, as soon as something is heard of it
		}
		var fragment Event
		switch sub := world.Object(fmt.Sprintf("sub_Old%05d0", i)); {
		case i%3 == 0:
			fragment = Event{Type: "customer.updated", Object: world.Object(id)}
		case i%3 == 1 || sub == nil:
			fragment = Event{Type: "charge.succeeded", Object: Charge(Old, fmt.Sprintf("ch_Old%05d", i), id, "", "succeeded", now)}
		default:
			fragment = Event{Type: "customer.subscription.updated", Object: sub}
		}
		fragment.ID, fragment.Created, fragment.Shape = fmt.Sprintf("evt_Old%05d", i), now, Old
		posts.Go(func() error {
			code, err := o.endpoint.Post(context.WithoutCancel(t.Context()), fragment)
			if err == nil && code != http.StatusOK {
				err = fmt.Errorf("%s is answered %d", fragment.ID, code)
			}
			return err
		})
	}
	if err := posts.Wait(); err != nil {
		t.Fatal(err)
	}
	checkpoint := o.imported(patience)
	t.Logf("%d customers: imported in %s", customers, checkpoint.FinishedAt.Sub(checkpoint.StartedAt.Time))
	o.eventually("every decision is as Stripe's state asks for", func() string { return strings.Join(watched.wrong(want), "\n") })
	o.settled()
	if wrong := watched.wrong(want); len(wrong) > 0 {
		t.Errorf("when every event is settled:\n%s", strings.Join(wrong, "\n"))
	}
}
