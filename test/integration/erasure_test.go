package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/controller/erasure"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// eraser is the user to whom the role eraser-role is bound.
const eraser = "dora@kite.example"

// augusta is what replaces the texts of stripetest in the events of the customer who is erased: texts that nothing else has.
var augusta = map[string]string{
	`ada@example.com`: `augusta.byron@kite.example`, `"Ada"`: `"Augusta Byron"`, `Ada Lovelace`: `Augusta King-Noel`, `"tenant-1"`: `"reference-of-augusta"`,
	`"tollkeeper_tier":"gold"`: `"tollkeeper_tier":"gift-for-augusta"`, `"tollkeeper_seats":"5"}`: `"tollkeeper_seats":"5","tollkeeper_note":"augustas-birthday"}`,
	`"internal_note":"not for the cluster"`: `"tollkeeper_birthday":"1815-12-10-augusta"`, `"4242"`: `"7391"`, `@example.com`: `@augusta.example`,
}

// personalTexts are in the events of that customer, and must be nowhere once it is erased. The card's digits alone may be in any
// UID or time.
var personalTexts = []string{
	"augusta.byron@kite.example", "Augusta Byron", "Augusta King-Noel", "reference-of-augusta", "gift-for-augusta", "1815-12-10-augusta",
	`last4":"7391`, "@augusta.example",
}

// personalised gives the customer of the events those texts.
func personalised(t *testing.T, events []Event) []Event {
	t.Helper()
	changed := slices.Clone(events)
	for i := range changed {
		for _, object := range []*Object{&changed[i].Object, &changed[i].Previous} {
			if *object == nil {
				continue
			}
			content, err := json.Marshal(*object)
			if err != nil {
				t.Fatal(err)
			}
			text := string(content)
			for _, from := range []string{ // the longer ones first
				`"internal_note":"not for the cluster"`, `"tollkeeper_tier":"gold"`, `ada@example.com`, `@example.com`, `Ada Lovelace`, `"Ada"`, `"tenant-1"`, `"4242"`,
			} {
				text = strings.ReplaceAll(text, from, augusta[from])
			}
			*object = nil
			if err := json.Unmarshal([]byte(text), object); err != nil {
				t.Fatal(err)
			}
		}
	}
	return changed
}

// erasedLife is the life of a customer that leaves personal data wherever there is a place for it, up to its deletion at Stripe.
func erasedLife(name string, seed uint64) *World {
	world := NewWorld(time.Now().Add(-2*time.Hour).Truncate(time.Second), New, seed)
	world.Name = name
	for _, op := range []Op{
		SignUp, AttachMethod, ChangeEmail, SetUpMethod, FailSetup, BuySeats, BuyPass, BuyByDebit, FailRenewal, Recover, RefundPart, OpenDispute, AddCard, DeleteCard,
		DetachMethod, DeleteCustomer,
	} {
		world.Do(op)
		world.Advance(time.Minute)
	}
	return world
}

// namespaced lists every object of every kind in the namespace, as JSON by kind and name.
func namespaced(t *testing.T, namespace string) map[string]string {
	t.Helper()
	found := map[string]string{}
	known, err := discovery.NewDiscoveryClientForConfigOrDie(cluster.Config).ServerPreferredNamespacedResources()
	if err != nil {
		t.Fatal(err)
	}
	c := dynamic.NewForConfigOrDie(cluster.Config)
	for _, list := range known {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") {
				continue
			}
			objects, err := c.Resource(group.WithResource(resource.Name)).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s: %v", resource.Name, err)
			}
			for i := range objects.Items {
				text, err := objects.Items[i].MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				found[resource.Kind+" "+objects.Items[i].GetName()] = string(text)
			}
		}
	}
	return found
}

// whereIs lists the objects that have a text.
func whereIs(objects map[string]string, texts ...string) []string {
	var where []string
	for name, content := range objects {
		for _, text := range texts {
			if strings.Contains(content, text) {
				where = append(where, name+" has "+text)
			}
		}
	}
	slices.Sort(where)
	return where
}

// told is what the financial record says of an event.
type told struct {
	Type, Customer, Charge, Hash string
	Outcome                      v1alpha1.Outcome
	Attempts                     int32
	Amounts                      [6]int64
	Message                      string
}

// financialStory is what the events about the customer say of money, ids, times and outcomes.
func (o *operator) financialStory(customer string) map[string]told {
	o.t.Helper()
	story := map[string]told{}
	for _, e := range o.events() {
		if e.CustomerID() != customer {
			continue
		}
		s := told{Type: e.Spec.Type, Customer: e.CustomerID(), Charge: e.Spec.ChargeID, Hash: e.Spec.PayloadSHA256, Outcome: e.Status.Outcome, Attempts: e.Status.Attempts, Message: e.Status.Message}
		if e.Spec.Invoice != nil {
			s.Amounts[0], s.Amounts[1] = e.Spec.Invoice.AmountDue, e.Spec.Invoice.AmountPaid
		}
		if e.Spec.Payment != nil {
			s.Amounts[2] = e.Spec.Payment.Amount
		}
		if e.Spec.Refund != nil {
			s.Amounts[3] = e.Spec.Refund.AmountRefunded
		}
		if e.Spec.Dispute != nil {
			s.Amounts[4] = e.Spec.Dispute.Amount
		}
		if e.Spec.Checkout != nil {
			s.Amounts[5] = e.Spec.Checkout.AmountTotal
		}
		story[e.Spec.EventID] = s
	}
	return story
}

// withoutErasure is a status without what an erasure takes out of it or adds to it.
func withoutErasure(s v1alpha1.CustomerStatus) v1alpha1.CustomerStatus {
	s = *s.DeepCopy()
	s.Erasure, s.ChangedAt, s.Notified = nil, nil, nil
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionErased })
	for i := range s.Checkouts {
		s.Checkouts[i].ClientReferenceID = ""
	}
	if s.Signup != nil {
		s.Signup.ClientReferenceID = ""
	}
	for i := range s.Purchases {
		s.Purchases[i].Terms = nil
	}
	if s.LastFailure != nil {
		s.LastFailure.Message = ""
	}
	for _, intent := range []*v1alpha1.Intent{s.LatestSetup, s.LatestPaymentIntent} {
		if intent != nil && intent.Failure != nil {
			intent.Failure.Message = ""
		}
	}
	return s
}

// installForErasure installs config/split, and binds the roles of the eraser and of support.
func installForErasure(t *testing.T) {
	t.Helper()
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), installedNamespace)); err != nil {
		t.Fatal(err)
	}
	kubectl(t, kubeconfig, "apply", "--server-side", "-k", filepath.Join(controlplane.Root(), "config", "split"))
	policiesInForce(t, installedNamespace)
	t.Cleanup(func() { emptyInstalled(t) })
	for user, role := range map[string]string{eraser: eraserRole, supporter: "tollkeeper-support-role"} {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: "test-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}
		if err := cluster.Client.Create(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := cluster.Client.Delete(context.Background(), binding); err != nil {
				t.Error(err)
			}
		})
	}
}

const eraserRole = "tollkeeper-eraser-role"

// Under the installed policies and with its own account, the operator erases a customer: no personal data is left in any object of
// the namespace. The financial record, the statuses and another customer stay as they are. What comes later is erased as well.
func TestErasureAsInstalled(t *testing.T) {
	installForErasure(t)
	_, withMailgun := mailgun(t)
	o := startAs(t, accessOf(t, installedNamespace, controllersAccount), installedNamespace, withMailgun)
	world, bobs := erasedLife("Erase", 7), NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), Old, 8)
	bobs.Name = "Stay"
	for _, op := range []Op{SignUp, AttachMethod, BuySeats} {
		bobs.Do(op)
	}
	augustas := personalised(t, world.Events())
	id, bob := customerIn(t, augustas), bobs.Objects("customer")[0].ID()
	o.send(bobs.Events()...)
	kept, late := withoutType(augustas, "charge.succeeded"), ofType(augustas, "charge.succeeded")
	o.send(withoutType(kept, "customer.deleted")...)
	o.emailsOf(id, 2)
	o.send(ofType(kept, "customer.deleted")...)
	o.settled()
	o.entitled(id, "False SubscriptionEnded")
	o.emailsEndOf(id)
	p := newPlugin(t, "--as", eraser)

	t.Run("who may", func(t *testing.T) {
		o.refusedErasures(t, id)
	})
	everything := namespaced(t, installedNamespace)
	if got := whereIs(everything, personalTexts...); len(got) < 10 {
		t.Fatalf("the life leaves personal data in %d places only: %q", len(got), got)
	}
	for _, text := range personalTexts {
		if len(whereIs(everything, text)) == 0 {
			t.Errorf("%q is nowhere: the search proves nothing about it", text)
		}
	}
	story, status, ofBob := o.financialStory(id), o.customer(id).Status, objectsNaming(everything, bob)

	out := p.run("erase", id, "--reason", "Ticket 4711", "--yes", "--wait", "--timeout", "1m")
	shows(t, out, "The customer's personal data was erased on", "2 e-mails")
	if got := whereIs(namespaced(t, installedNamespace), personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left:\n%s", strings.Join(got, "\n"))
	}
	if diff := cmp.Diff(story, o.financialStory(id)); diff != "" {
		t.Errorf("the financial record (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(withoutErasure(status), withoutErasure(o.customer(id).Status), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the customer's status (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(ofBob, objectsNaming(namespaced(t, installedNamespace), bob)); diff != "" {
		t.Errorf("another customer's objects (-before +after):\n%s", diff)
	}
	shows(t, p.run("timeline", id), "invoice.paid", "29.00", "Applied")
	if left := o.emailsFor(id); left > 0 {
		t.Errorf("%d e-mails are left", left)
	}
	o.intentsAreEmpty()

	// Two events come that were never recorded, and Stripe sends all the others again.
	o.send(late...)
	o.send(kept...)
	o.settled()
	o.eventually("what came later is erased", func() string {
		if got := whereIs(namespaced(t, installedNamespace), personalTexts...); len(got) > 0 {
			return fmt.Sprint(got)
		}
		if got := condition(o.customer(id).Status.Conditions, v1alpha1.ConditionErased); got != "True PersonalDataErased" {
			return got
		}
		return ""
	})
	for _, e := range late {
		if got := o.event(e.ID); got.Status.ErasedAt == nil || got.Status.Outcome != v1alpha1.OutcomeApplied && got.Status.Outcome != v1alpha1.OutcomeSuperseded {
			t.Errorf("%s is %q, erased at %v", e.ID, got.Status.Outcome, got.Status.ErasedAt)
		}
	}
	atRest := namespaced(t, installedNamespace)
	o.annotate(o.customer(bob), "example.com/any", "thing") // another customer shows that there was time
	o.eventually("another event is handled", func() string { return "" })
	if diff := cmp.Diff(objectsNaming(atRest, id), objectsNaming(namespaced(t, installedNamespace), id)); diff != "" {
		t.Errorf("the erasure does not come to rest:\n%s", diff)
	}
}

// refusedErasures tries what must not begin an erasure.
func (o *operator) refusedErasures(t *testing.T, id string) {
	t.Helper()
	p := newPlugin(t, "--as", eraser)
	p.refuses([]string{"erase", id}, "--reason is missing")
	p.refuses([]string{"erase", id, "--reason", "Ticket 4711"}, "there is no terminal to ask at")
	newPlugin(t, "--as", supporter, "-n", installedNamespace).refuses([]string{"erase", id, "--reason", "Ticket 4711", "--yes"}, "ClusterRole "+eraserRole)
	customer := o.customer(id)
	request := func(value string) func(*v1alpha1.Customer) {
		return func(c *v1alpha1.Customer) { c.Annotations = map[string]string{v1alpha1.AnnotationErase: value} }
	}
	for name, tc := range map[string]struct {
		user, value, says string
	}{
		"support":                {supporter, supporter + ": now Ticket 4711", "It needs the verb erase on customers"},
		"in another user's name": {eraser, supporter + ": now Ticket 4711", "must begin with your user name"},
		"without a reason":       {eraser, eraser + ": ", "must begin with your user name"},
		"at length":              {eraser, eraser + ": " + strings.Repeat("x", 1024), "must begin with your user name"},
		"as the policy wants it": {eraser, eraser + ": now Ticket 4711", ""},
	} {
		err := patch(t, customer, request(tc.value))(clientAsUser(t, tc.user))
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

// A customer that Stripe has not deleted is not erased: the next event would bring its data back. Once it is deleted, a request that
// was made before is answered.
func TestAnErasureWaitsForTheDeletion(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := erasedLife("Wait", 7)
	events := personalised(t, world.Events())
	id := customerIn(t, events)
	alive, deletion := withoutType(events, "customer.deleted"), ofType(events, "customer.deleted")
	o.send(alive...)
	o.settled()
	p := newPlugin(t, "-n", o.namespace)
	p.refuses([]string{"erase", id, "--reason", "Ticket 4711", "--yes"}, id+" is not deleted at Stripe", "Delete it in Stripe's Dashboard")
	o.annotate(o.customer(id), v1alpha1.AnnotationErase, "grace@kite.example: now Ticket 4711")
	o.conditionOf(id, v1alpha1.ConditionErased, "False NotDeletedAtStripe")
	if got := whereIs(namespaced(t, o.namespace), personalTexts...); len(got) < 10 {
		t.Errorf("personal data has gone: %q", got)
	}
	o.send(deletion...)
	o.conditionOf(id, v1alpha1.ConditionErased, "True PersonalDataErased")
	if got := whereIs(namespaced(t, o.namespace), personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left:\n%s", strings.Join(got, "\n"))
	}
}

// With --erase-deleted-customers, a deleted customer is erased by itself; and one whose Customer is gone is erased on request.
func TestDeletedCustomersAreErasedByThemselves(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.EraseDeleted = time.Minute })
	events := personalised(t, erasedLife("Auto", 7).Events())
	id := customerIn(t, events)
	o.send(events...)
	o.conditionOf(id, v1alpha1.ConditionErased, "True PersonalDataErased")
	if got := whereIs(namespaced(t, o.namespace), personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left:\n%s", strings.Join(got, "\n"))
	}
	o.stop()

	gone := startIn(t, o.namespace)
	others := personalised(t, erasedLife("Gone", 9).Events())
	id = customerIn(t, others)
	gone.send(others...)
	gone.settled()
	if err := cluster.Client.Delete(t.Context(), gone.customer(id)); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []client.Object{&v1alpha1.Subscription{}, &v1alpha1.Email{}} { // nothing collects garbage here
		if err := cluster.Client.DeleteAllOf(t.Context(), kind, client.InNamespace(o.namespace)); err != nil {
			t.Fatal(err)
		}
	}
	p := newPlugin(t, "-n", o.namespace)
	shows(t, p.run("erase", id, "--reason", "Ticket 4711", "--yes", "--wait", "--timeout", "1m"), "The customer's personal data was erased on")
	if got := whereIs(namespaced(t, o.namespace), personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left:\n%s", strings.Join(got, "\n"))
	}

	first := gone.customer(id).Annotations[v1alpha1.AnnotationErase]
	out, notes, err := p.try("erase", id, "--reason", "Ticket 4712", "--yes", "--wait", "--timeout", "1m")
	if err != nil {
		t.Error(err)
	}
	shows(t, out+notes, "was already requested by", "(Ticket 4711), and is complete", "erased on")
	if got := gone.customer(id).Annotations[v1alpha1.AnnotationErase]; got != first || first == "" {
		t.Errorf("the second request has replaced the first: %q, was %q", got, first)
	}
	noted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: "tollkeeper-archive"}, Data: map[string]string{"archive": "s3://trail"}}
	if err := cluster.Client.Create(t.Context(), noted); err != nil {
		t.Fatal(err)
	}
	out, notes, err = p.try("erase", id, "--reason", "Ticket 4713", "--yes", "--wait", "--timeout", "1m")
	if err != nil {
		t.Error(err)
	}
	shows(t, out+notes, "What s3://trail has of it is erased with a new request", "Requested.", "erased on")
	shows(t, p.run("explain", id), "It was deleted at Stripe on", "Its personal data was erased on")
	p.refuses([]string{"erase", "cus_NeverSeen", "--reason", "Ticket 4711", "--yes"}, "nothing is known of cus_NeverSeen",
		"kubectl tollkeeper archive restore --archive-url='s3://trail' --customer=cus_NeverSeen --apply")
	if gone.customer("cus_NeverSeen").UID != "" {
		t.Error("a Customer was made for an id of which nothing is known")
	}
}

// clientAsUser returns a client of a user.
func clientAsUser(t *testing.T, user string) client.Client {
	t.Helper()
	access := rest.CopyConfig(cluster.Config)
	access.Impersonate = rest.ImpersonationConfig{UserName: user}
	return clientFor(t, access)
}

// customerIn is the id of the customer of the events.
func customerIn(t *testing.T, events []Event) string {
	t.Helper()
	for _, e := range events {
		if e.Type == "customer.created" {
			return e.Object.ID()
		}
	}
	t.Fatal("no event reports a customer")
	return ""
}

func withoutType(events []Event, kind string) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Type == kind })
}

func ofType(events []Event, kind string) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Type != kind })
}

// objectsNaming are the objects that name the customer. Kubernetes events come and go.
func objectsNaming(objects map[string]string, customer string) map[string]string {
	own := map[string]string{}
	for name, text := range objects {
		if strings.Contains(text, `"`+customer+`"`) && !strings.HasPrefix(name, "Event ") {
			own[name] = text
		}
	}
	return own
}

// emailsFor counts the Emails of the customer.
func (o *operator) emailsFor(customer string) (n int) {
	for _, e := range o.emails() {
		if e.Spec.CustomerRef.Name == v1alpha1.ObjectName("", customer) {
			n++
		}
	}
	return n
}

// emailsEndOf waits until the e-mails of the customer have ended, and there were two.
func (o *operator) emailsEndOf(customer string) {
	o.t.Helper()
	o.eventually("the e-mails end", func() string {
		settled := 0
		for _, e := range o.emails() {
			if e.Spec.CustomerRef.Name == v1alpha1.ObjectName("", customer) && e.SettledAt() != nil {
				settled++
			}
		}
		if settled != 2 {
			return fmt.Sprintf("%d of 2 have ended", settled)
		}
		return ""
	})
}

func (o *operator) intentsAreEmpty() {
	o.t.Helper()
	var stored corev1.ConfigMap
	if err := cluster.Client.Get(o.t.Context(), client.ObjectKey{Namespace: o.namespace, Name: erasure.ConfigMapName}, &stored); err != nil || len(stored.Data) > 0 {
		o.t.Errorf("the ConfigMap of the erasure: %v, %v", stored.Data, err)
	}
}

// What is archived is erased as well: nothing personal is left in any file, the chain and every count verify, another customer's
// personal data is still there, and the head has moved with the record. It happens although another process has left a batch behind
// the head.
func TestAnErasureReachesTheArchive(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	o := startIn(t, namespace)
	bobs := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), Old, 8)
	bobs.Name = "ArchivedBob"
	bobs.Do(SignUp)
	events := personalised(t, erasedLife("Archived", 7).Events())
	id := customerIn(t, events)
	o.send(bobs.Events()...)
	o.send(events...)
	o.settled()

	bucket, err := archive.Open(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	stored := o.events()
	half := len(stored) / 2
	head, err := bucket.Append(t.Context(), archive.Head{}, stored[:half])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Append(t.Context(), head, stored[half:]); err != nil { // the process stops before it moves the head
		t.Fatal(err)
	}
	if got := filesWith(t, folder, personalTexts...); len(got) == 0 {
		t.Fatal("the archive holds no personal data: the search proves nothing")
	}
	o.stop()
	withArchive := startIn(t, namespace, func(c *config.Config) { c.ArchiveURL = "file://" + folder })
	p := newPlugin(t, "-n", namespace)
	shows(t, p.run("erase", id, "--reason", "Ticket 4711", "--yes", "--wait", "--timeout", "1m"), "It was taken out of the archive, too.")
	if got := filesWith(t, folder, personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left in the archive:\n%s", strings.Join(got, "\n"))
	}
	if got := whereIs(namespaced(t, namespace), personalTexts...); len(got) > 0 {
		t.Errorf("personal data is left:\n%s", strings.Join(got, "\n"))
	}
	report, err := bucket.Verify(t.Context())
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("the archive does not verify: %v, %+v", err, report)
	}
	if got := filesWith(t, folder, "ada@example.com"); len(got) == 0 {
		t.Error("another customer's personal data has gone")
	}
	var noted corev1.ConfigMap
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: archivenote.ConfigMap}, &noted); err != nil || noted.Data[archivenote.Batch] != "3" {
		t.Errorf("the head is %v: %v", noted.Data, err)
	}
	withArchive.stop()
}

// The operator is started without the archive that has events: an erasure waits, and a second request changes nothing. With none it is
// complete, and the ConfigMap names no archive any more, so that a further request changes nothing either.
func TestAnErasureWaitsForAnArchiveThatIsNotSet(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	store := archivehead.Store{Reader: cluster.Client, Writer: cluster.Client, Namespace: namespace}
	state, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := state
	next.Head, next.Archive = archivehead.Head{Batch: 3, SHA256: strings.Repeat("a", 64), Events: 7}, "s3://trail"
	if _, err := store.Swap(t.Context(), state, next); err != nil {
		t.Fatal(err)
	}
	unset := startIn(t, namespace)
	events := personalised(t, erasedLife("Unset", 9).Events())
	id := customerIn(t, events)
	unset.send(events...)
	unset.settled()
	p := newPlugin(t, "-n", namespace)
	p.run("erase", id, "--reason", "Ticket 4711", "--yes")
	unset.eventually("the erasure waits for the archive", func() string {
		if e := unset.customer(id).Status.Erasure; e == nil || e.WaitsFor != v1alpha1.WaitsForArchive || e.CompletedAt != nil {
			return fmt.Sprintf("it is %+v", e)
		}
		return ""
	})
	request := unset.customer(id).Annotations[v1alpha1.AnnotationErase]
	_, notes, err := p.try("erase", id, "--reason", "Ticket 4712", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	shows(t, notes, "That request stays.")
	unset.stop()

	none := startIn(t, namespace, archivesTo(config.ArchiveNone))
	none.conditionOf(id, v1alpha1.ConditionErased, "True PersonalDataErased")
	none.eventually("the ConfigMap names no archive", func() string {
		noted, err := store.Load(t.Context())
		if err != nil || noted.Archive != "" {
			return fmt.Sprintf("it names %q, %v", noted.Archive, err)
		}
		return ""
	})
	p.run("erase", id, "--reason", "Ticket 4713", "--yes")
	if got := none.customer(id).Annotations[v1alpha1.AnnotationErase]; got != request {
		t.Errorf("the request is %q, want the first one, %q", got, request)
	}
}

// filesWith lists the files of a folder, unpacked, that have a text.
func filesWith(t *testing.T, folder string, texts ...string) []string {
	t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	contents := map[string]string{}
	if err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".zst") {
			content, err = decoder.DecodeAll(content, nil)
		}
		contents[strings.TrimPrefix(path, folder)] = string(content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return whereIs(contents, texts...)
}
