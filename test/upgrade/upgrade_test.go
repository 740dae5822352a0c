// Package upgrade takes the objects of the release before this one through an upgrade and a rollback, with the managers of both. It
// needs `make test-upgrade`, which builds them.
package upgrade

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	previousManager = "previous/manager"
	newManager      = "manager"
)

// The steps of the story. In each, events are posted.
const (
	before     = iota // the previous release alone
	newCRDs           // the CRDs are new, and it goes on
	both              // the new release runs beside it, and does not lead
	handover          // it leads, as the previous one is stopped
	rolledBack        // the previous release is back, under the new CRDs
	again             // the new release is back
	steps
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// The new release takes over from the previous one while events arrive, is taken back, and comes again. Events come late, after each of
// these steps, so that each version must remember what the other one folded. The statuses are those of a run that nothing disturbs, and
// no e-mail is sent twice.
func TestUpgradeAndRollback(t *testing.T) {
	plane, kubeconfig := startPlane(t, filepath.Join(controlplane.Root(), "bin", "previous", "crds"))
	lives := generate()
	events := deliveries(lives)
	i := newInstallation(t, plane, kubeconfig, "upgraded")

	old := i.start(previousManager)
	post(t, events[before], old)
	i.settled()
	kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", "config/crd/bases")
	post(t, events[newCRDs], old)
	i.settled()

	fresh := i.start(newManager)
	post(t, events[both], old, fresh)
	late := len(events[handover]) / 2
	post(t, events[handover][:late], fresh, old)
	old.stop(t)
	post(t, events[handover][late:], fresh)
	i.settled()

	calm := newInstallation(t, plane, kubeconfig, "undisturbed")
	undisturbed := calm.start(newManager)
	post(t, slices.Concat(events[:rolledBack]...), undisturbed)
	calm.settled()
	i.hasStatusesOf(calm, "after the upgrade")

	old = i.start(previousManager)
	post(t, events[rolledBack][:1], old, fresh)
	fresh.stop(t)
	i.forget()
	post(t, events[rolledBack][1:], old)
	i.settled()
	post(t, events[rolledBack], undisturbed)
	calm.settled()
	i.hasDecisionsOf(calm, "after the rollback")

	fresh = i.start(newManager)
	old.stop(t)
	post(t, events[again], fresh)
	i.settled()
	post(t, events[again], undisturbed)
	calm.settled()
	i.hasStatusesOf(calm, "after the second upgrade")

	i.hasEvents(len(slices.Concat(events[:]...)))
	for _, installation := range []*installation{i, calm} {
		installation.sentEachMailOnce(2 * len(lives))
	}
}

// A rollback takes the CRDs back, too, and the statuses stay. What the older release does not know is dropped when it writes.
// The new release, when it comes again, sees that it is missing, and folds the recorded events again.
func TestRollbackWithTheOldCRDs(t *testing.T) {
	oldCRDs := filepath.Join(controlplane.Root(), "bin", "previous", "crds")
	plane, kubeconfig := startPlane(t, controlplane.CRDs())
	lives := generate()
	events := deliveries(lives)
	i, calm := newInstallation(t, plane, kubeconfig, "rolled-back"), newInstallation(t, plane, kubeconfig, "undisturbed")
	undisturbed, fresh := calm.start(newManager), i.start(newManager)
	post(t, slices.Concat(events[:rolledBack]...), fresh)
	post(t, slices.Concat(events[:]...), undisturbed)
	i.settled()
	calm.settled()

	fresh.stop(t)
	kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", oldCRDs)
	old := i.start(previousManager)
	post(t, events[rolledBack], old)
	i.settled()
	old.stop(t)

	kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", controlplane.CRDs())
	fresh = i.start(newManager)
	post(t, events[again], fresh)
	i.settled()
	i.hasStatusesOf(calm, "after the rollback and a new upgrade")
	i.hasEvents(len(slices.Concat(events[:]...)))
	i.sentEachMailOnce(2 * len(lives))
}

// forget removes the statuses, as docs/upgrade.md says for a rollback to a version that cannot read the memory of the new one and does
// not know that: it folds the recorded events again. Releases know it.
func (i *installation) forget() {
	i.t.Helper()
	of, err := os.ReadFile(filepath.Join(controlplane.Root(), "bin", "previous", "of"))
	if err != nil {
		i.t.Fatal(err)
	}
	if strings.HasPrefix(string(of), "v") {
		return
	}
	for customer := range strings.FieldsSeq(kubectl(i.t, i.kubeconfig, "-n", i.namespace, "get", "customers", "-o", "name")) {
		kubectl(i.t, i.kubeconfig, "-n", i.namespace, "patch", customer, "--subresource=status", "--type=json", `-p=[{"op":"remove","path":"/status"}]`)
	}
	i.eventually("every customer has a status again", func(ctx context.Context) string {
		for _, c := range list[v1alpha1.CustomerList](ctx, i).Items {
			if len(c.Status.Conditions) == 0 {
				return c.Name + " has none"
			}
		}
		return ""
	})
}

func startPlane(t *testing.T, crds string) (plane *controlplane.ControlPlane, kubeconfig string) {
	t.Helper()
	if _, err := os.Stat(crds); err != nil {
		t.Fatalf("run `make test-upgrade`: %v", err)
	}
	plane, err := controlplane.StartWith(crds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	content, err := plane.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return plane, kubeconfig
}

// generate makes lives of customers that signed up within the last days, so that their e-mails are due.
func generate() (lives [][]stripetest.Event) {
	stories := [][]stripetest.Op{
		{stripetest.SignUp, stripetest.ChangeQuantity, stripetest.ChangePlan, stripetest.FailRenewal, stripetest.FailAgain, stripetest.Recover, stripetest.RefundPart},
		{stripetest.SignUp, stripetest.FailRenewal, stripetest.FailAgain, stripetest.ExpireCard, stripetest.ChangeEmail},
		{stripetest.SignUpWithTrial, stripetest.AnnounceTrialEnd, stripetest.EndTrial, stripetest.ScheduleCancel, stripetest.UndoCancel, stripetest.OpenDispute, stripetest.Cancel},
		{stripetest.SignUp, stripetest.SubscribeAgain, stripetest.BuyPass, stripetest.UpdateCard, stripetest.RefundAll, stripetest.Cancel, stripetest.Renew},
	}
	for n := range 2 * len(stories) {
		shape := stripetest.Old
		if n%2 == 1 {
			shape = stripetest.New
		}
		world := stripetest.NewWorld(time.Now().Add(-60*time.Hour).Truncate(time.Second), shape, uint64(n+1))
		world.Name = fmt.Sprintf("U%d", n)
		for _, op := range stories[n/2] {
			world.Do(op)
			world.Advance(time.Hour)
		}
		lives = append(lives, world.Events())
	}
	return lives
}

// deliveries spreads the lives over the steps. Each step gets its part of each life, and a third of the events comes in a later
// step than its own. The first state of each subscription comes after one of the changes of the version: a version that does not
// remember that it has seen a later one shows it.
func deliveries(lives [][]stripetest.Event) (events [steps][]stripetest.Event) {
	random := rand.New(rand.NewPCG(18, 5))
	for l, life := range lives {
		for n, e := range life {
			step := n * steps / len(life)
			if e.Type == "customer.subscription.created" {
				step = max(step, []int{handover, rolledBack, again}[l%3])
			} else if random.IntN(3) == 0 {
				step += random.IntN(steps - step)
			}
			events[step] = append(events[step], e)
		}
	}
	return events
}

// settled waits until no event is pending. A payment that names no customer may wait for its invoice, which comes in a later step.
func (i *installation) settled() {
	i.t.Helper()
	i.settledBut(func(e *v1alpha1.BillingEvent) bool { return e.CustomerID() == "" })
}

func (i *installation) settledBut(mayWait func(*v1alpha1.BillingEvent) bool) {
	i.t.Helper()
	i.eventually("every event has an outcome", func(ctx context.Context) string {
		for _, e := range list[v1alpha1.BillingEventList](ctx, i).Items {
			if e.Status.Outcome == v1alpha1.OutcomePending && !mayWait(&e) {
				return fmt.Sprintf("%s %s is pending", e.Spec.Type, e.Spec.EventID)
			}
		}
		return ""
	})
}

// hasEvents checks that as many events are recorded as were acknowledged, and that none of them failed.
func (i *installation) hasEvents(want int) {
	i.t.Helper()
	i.settledBut(func(*v1alpha1.BillingEvent) bool { return false })
	recorded := list[v1alpha1.BillingEventList](i.t.Context(), i).Items
	if len(recorded) != want {
		i.t.Errorf("%d events are recorded, and %d were acknowledged", len(recorded), want)
	}
	for _, e := range recorded {
		if e.Status.Outcome == v1alpha1.OutcomeFailed {
			i.t.Errorf("%s %s failed: %s", e.Spec.Type, e.Spec.EventID, e.Status.Message)
		}
	}
}

// sentEachMailOnce waits until that many Emails are sent, and checks that each was one message.
func (i *installation) sentEachMailOnce(want int) {
	i.t.Helper()
	i.eventually("the e-mails are sent", func(ctx context.Context) string {
		sent := 0
		for _, e := range list[v1alpha1.EmailList](ctx, i).Items {
			if meta.IsStatusConditionTrue(e.Status.Conditions, v1alpha1.ConditionSent) {
				sent++
			}
		}
		if sent != want {
			return fmt.Sprintf("%d are sent, want %d", sent, want)
		}
		return ""
	})
	if sent := len(i.mails.Messages()); sent != want {
		i.t.Errorf("in %s Mailgun has %d messages of %d Emails", i.namespace, sent, want)
	}
}

// statuses are those of all customers and subscriptions by name.
type statuses struct {
	Customers     map[string]v1alpha1.CustomerStatus
	Subscriptions map[string]v1alpha1.SubscriptionStatus
}

func (i *installation) statuses(ctx context.Context) statuses {
	s := statuses{map[string]v1alpha1.CustomerStatus{}, map[string]v1alpha1.SubscriptionStatus{}}
	for _, c := range list[v1alpha1.CustomerList](ctx, i).Items {
		s.Customers[c.Name] = c.Status
	}
	for _, o := range list[v1alpha1.SubscriptionList](ctx, i).Items {
		s.Subscriptions[o.Name] = o.Status
	}
	return s
}

// byTheClock leaves out what depends on when something was written.
var byTheClock = cmp.Options{
	cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime"), cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "ChangedAt"),
}

// notRemembered leaves out what the release before did not remember of the events that it folded: which payment intents have
// succeeded. A checkout whose own event comes after the upgrade, and that was paid before it, waits for an event of the session, or for
// a comparison with Stripe.
var notRemembered = cmpopts.IgnoreMapEntries(func(part string, _ v1alpha1.Position) bool { return strings.HasPrefix(part, "intent/") })

// hasStatusesOf waits until all statuses are those of the other installation.
func (i *installation) hasStatusesOf(other *installation, when string) {
	i.t.Helper()
	i.eventually(when+", statuses are those of an undisturbed run (-undisturbed +got)", func(ctx context.Context) string {
		return cmp.Diff(other.statuses(ctx), i.statuses(ctx), byTheClock, notRemembered)
	})
}

// decision is what tenants act on.
type decision struct{ Entitled, Plan, AccessUntil string }

func (i *installation) decisions(ctx context.Context) map[string]decision {
	decisions := map[string]decision{}
	for name, status := range i.statuses(ctx).Customers {
		d := decision{Plan: status.Plan, AccessUntil: fmt.Sprint(status.AccessUntil)}
		if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionEntitled); c != nil {
			d.Entitled = string(c.Status) + " " + c.Reason
		}
		decisions[name] = d
	}
	for name, status := range i.statuses(ctx).Subscriptions {
		decisions[name] = decision{Entitled: status.Status, Plan: status.Plan}
	}
	return decisions
}

// hasDecisionsOf waits until all decisions are those of the other installation.
func (i *installation) hasDecisionsOf(other *installation, when string) {
	i.t.Helper()
	i.eventually(when+", decisions are those of an undisturbed run (-undisturbed +got)", func(ctx context.Context) string {
		return cmp.Diff(other.decisions(ctx), i.decisions(ctx))
	})
}

// list reads all objects of a kind in the namespace.
func list[L any, P interface {
	*L
	client.ObjectList
}](ctx context.Context, i *installation) L {
	i.t.Helper()
	var l L
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // the last look of a wait ends, too
	defer cancel()
	if err := i.plane.Client.List(ctx, P(&l), client.InNamespace(i.namespace)); err != nil {
		i.t.Fatal(err)
	}
	return l
}
