package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// perPage is how many objects are on a page.
const perPage = 2

// account has the lists of one account, the newest first.
type account struct{ subscriptions, customers, disputes []any }

// stripe lists accounts page by page, and notes every page that it is asked for: "platform subscriptions after sub_2".
type stripe struct {
	accounts map[string]account
	asked    []string
	fails    map[string]error // by the page that it is asked for; each fails once
	endless  bool             // whether every list goes on for ever
	onPage   func(asked string)
	features map[string][]string // by customer
}

func (s *stripe) AllSubscriptions(_ context.Context, account, after string) iter.Seq2[stripeapi.Page, error] {
	return s.list(account, "subscriptions", s.accounts[account].subscriptions, after)
}

func (s *stripe) AllCustomers(_ context.Context, account, after string) iter.Seq2[stripeapi.Page, error] {
	return s.list(account, "customers", s.accounts[account].customers, after)
}

func (s *stripe) AllDisputes(_ context.Context, account, after string) iter.Seq2[stripeapi.Page, error] {
	return s.list(account, "disputes", s.accounts[account].disputes, after)
}

func (s *stripe) ImportActiveEntitlements(_ context.Context, account, customerID string) (stripeapi.Reading, error) {
	s.asked = append(s.asked, fmt.Sprintf("%s features of %s", stripeaccount.Name(account), customerID))
	text, err := json.Marshal(stripetest.FeaturesOf(customerID, s.features[customerID]...))
	if err != nil {
		panic(err)
	}
	summary, err := stripejson.Parse(text)
	return stripeapi.Reading{Object: summary, At: noon}, err
}

func (s *stripe) UsesEntitlements(context.Context, string) (bool, error) {
	return len(s.features) > 0, nil
}

func (s *stripe) list(account, resource string, items []any, after string) iter.Seq2[stripeapi.Page, error] {
	return func(yield func(stripeapi.Page, error) bool) {
		for {
			asked := fmt.Sprintf("%s %s after %s", stripeaccount.Name(account), resource, after)
			s.asked = append(s.asked, asked)
			if s.onPage != nil {
				s.onPage(asked)
			}
			if err := s.fails[asked]; err != nil {
				delete(s.fails, asked)
				yield(stripeapi.Page{}, err)
				return
			}
			page := s.page(items, after)
			if !yield(page, nil) || page.Next == "" {
				return
			}
			after = page.Next
		}
	}
}

func (s *stripe) page(items []any, after string) stripeapi.Page {
	page := stripeapi.Page{At: noon}
	rest := items[1+slices.IndexFunc(items, func(o any) bool { return idOf(o) == after }):]
	for _, o := range rest[:min(perPage, len(rest))] {
		text, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		page.Items = append(page.Items, text)
	}
	switch {
	case len(rest) > perPage:
		page.Next = idOf(rest[perPage-1])
	case s.endless:
		page.Next = after + "x"
	}
	return page
}

func idOf(o any) string {
	if object, ok := o.(stripetest.Object); ok {
		return object.ID()
	}
	return fmt.Sprint(o)
}

// lists returns an account: cus_A has two subscriptions, far from each other in the list, and an open dispute; cus_B
// has one that has ended and a dispute that was won; cus_C has one that is unpaid; cus_D has none.
func lists() account {
	sub := func(id, customer, status string) stripetest.Object {
		return stripetest.Subscription(stripetest.Old, id, customer, status, noon, noon.AddDate(0, 1, 0))
	}
	dispute := func(id, customer, status string) stripetest.Object {
		return stripetest.Dispute(id, "", "pi_"+id, noon, noon).With("status", status).With("charge", stripetest.Charge(stripetest.Old, "ch_"+id, customer, "pi_"+id, "succeeded", noon))
	}
	return account{
		subscriptions: []any{
			sub("sub_5", "cus_A", "active"), sub("sub_4", "cus_B", "canceled"), sub("sub_3", "cus_C", "unpaid"),
			sub("sub_2", "cus_A", "past_due"), sub("sub_1", "cus_B", "canceled"),
		},
		customers: []any{
			stripetest.Customer("cus_D", "dan@example.com", "Dan"), stripetest.Customer("cus_C", "cy@example.com", "Cy"),
			stripetest.Customer("cus_B", "bob@example.com", "Bob"), stripetest.Customer("cus_A", "ada@example.com", "Ada"),
		},
		disputes: []any{dispute("dp_3", "cus_A", "needs_response"), dispute("dp_2", "cus_B", "won"), dispute("dp_1", "cus_D", "under_review")},
	}
}

// everyPage is what an import of lists asks for, in its order.
var everyPage = []string{
	"platform subscriptions after ", "platform subscriptions after sub_4", "platform subscriptions after sub_2",
	"platform customers after ", "platform customers after cus_C", "platform disputes after ", "platform disputes after dp_2",
}

// cluster holds the API server's objects and the customers' controllers.
type cluster struct {
	client.Client
	mailbox  *readings.Mailbox
	disputes map[string]string // the disputes that were put in, and their customers
	features map[string][]string
	drops    map[string]bool // the Stripe ids of objects that the customers' controllers refuse
	stuck    map[string]bool // the customers whose controllers never write
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return &cluster{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), mailbox: readings.NewMailbox(),
		disputes: map[string]string{}, features: map[string][]string{}, drops: map[string]bool{}, stuck: map[string]bool{},
	}
}

// fold does what the customers' controllers do, until ctx ends.
func (c *cluster) fold(ctx context.Context, t *testing.T) {
	for {
		select {
		case <-ctx.Done():
			return
		case woken := <-c.mailbox.Wake():
			key := client.ObjectKeyFromObject(woken.Object)
			batch := c.mailbox.Peek(key)
			if batch == nil || c.stuck[batch.CustomerID] {
				continue
			}
			c.write(t, key, batch)
			c.mailbox.Remove(key, batch)
		}
	}
}

func (c *cluster) write(t *testing.T, key types.NamespacedName, batch *readings.Batch) {
	customer := &v1alpha1.Customer{}
	if err := client.IgnoreNotFound(c.Get(context.Background(), key, customer)); err != nil {
		t.Error(err)
	}
	customer.Namespace, customer.Name = key.Namespace, key.Name
	customer.Spec = v1alpha1.CustomerSpec{CustomerID: batch.CustomerID, Account: batch.Account}
	if batch.Whole && !c.drops[batch.CustomerID] {
		customer.Status.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByListing, At: metav1.NewTime(batch.At)}
	}
	for _, o := range batch.Objects {
		if o.Dispute != nil && !c.drops[o.ObjectID] {
			customer.Status.Positions = v1alpha1.Positions{"dispute/" + o.ObjectID: {EventID: o.EventID}}
		}
	}
	c.put(t, customer)
	for _, o := range batch.Objects {
		switch {
		case c.drops[o.ObjectID]:
		case o.Features != nil:
			c.features[batch.CustomerID] = o.Features.Keys
		case o.Dispute != nil:
			c.disputes[o.ObjectID] = o.CustomerID
		case o.Subscription != nil:
			s := &v1alpha1.Subscription{
				ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: naming.Object(batch.Account, o.SubscriptionID)},
				Spec: v1alpha1.SubscriptionSpec{
					SubscriptionID: o.SubscriptionID, Account: batch.Account, CustomerRef: v1alpha1.ObjectReference{Name: key.Name},
				},
			}
			s.Status.SubscriptionState = o.Subscription.SubscriptionState
			c.put(t, s)
		}
	}
}

// put creates the object, or replaces the one of its name.
func (c *cluster) put(t *testing.T, object client.Object) {
	stored, isClientObject := object.DeepCopyObject().(client.Object)
	if !isClientObject {
		t.Fatalf("%T is no object", object)
	}
	err := c.Get(context.Background(), client.ObjectKeyFromObject(object), stored)
	if err == nil {
		object.SetResourceVersion(stored.GetResourceVersion())
		err = c.Update(context.Background(), object)
	} else {
		err = c.Create(context.Background(), object)
	}
	if err != nil {
		t.Errorf("write %s: %v", object.GetName(), err)
	}
}

// shows returns what is in the cluster: "cus_A whole", "cus_B", "sub_1 of cus_B canceled", "dp_1 of cus_A".
func (c *cluster) shows(t *testing.T) []string {
	t.Helper()
	var customers v1alpha1.CustomerList
	var subscriptions v1alpha1.SubscriptionList
	for _, list := range []client.ObjectList{&customers, &subscriptions} {
		if err := c.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	var shown []string
	ids := map[string]string{}
	for _, customer := range customers.Items {
		id := strings.TrimPrefix(customer.Spec.Account+"/"+customer.Spec.CustomerID, "/")
		ids[customer.Name] = id
		if customer.Status.Complete != nil {
			id += " whole"
		}
		shown = append(shown, id)
	}
	for _, s := range subscriptions.Items {
		shown = append(shown, fmt.Sprintf("%s of %s %s", s.Spec.SubscriptionID, ids[s.Spec.CustomerRef.Name], s.Status.Status))
	}
	for id, customer := range c.disputes {
		shown = append(shown, id+" of "+customer)
	}
	slices.Sort(shown)
	return shown
}

// everything is what is in the cluster after an import of lists.
func everything() []string {
	return []string{
		"cus_A whole", "cus_B whole", "cus_C whole", "dp_3 of cus_A", "sub_1 of cus_B canceled", "sub_2 of cus_A past_due",
		"sub_3 of cus_C unpaid", "sub_4 of cus_B canceled", "sub_5 of cus_A active",
	}
}

func newImporter(s Source, c *cluster) *Importer {
	return New(Options{
		Source: s, Mailbox: c.mailbox, Client: c, Namespace: "ns", Accounts: stripeaccount.Selection{stripeaccount.All}, Clock: testingclock.NewFakeClock(noon), Log: logr.Discard(),
		Checkpoints: Checkpoints{Reader: c, Writer: c, Namespace: "ns", Log: logr.Discard()},
	})
}

// look makes the importer look at every account once, while the customers' controllers run.
func look(t *testing.T, i *Importer, c *cluster) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	folded := make(chan struct{})
	go func() { defer close(folded); c.fold(ctx, t) }()
	err := i.importAll(ctx)
	cancel()
	<-folded
	return err
}

func (c *cluster) configMap(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	var stored corev1.ConfigMap
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: ConfigMapName}, &stored); err != nil {
		t.Fatal(err)
	}
	return &stored
}

func (c *cluster) checkpoint(t *testing.T, account string) Checkpoint {
	t.Helper()
	var checkpoint Checkpoint
	if err := json.Unmarshal([]byte(c.configMap(t).Data[account]), &checkpoint); err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

func isClosedChannel(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// What an import puts in. A customer of which a subscription is not put in is not whole.
func TestOneImport(t *testing.T) {
	without := func(change func(a *account)) account {
		a := lists()
		change(&a)
		return a
	}
	replaced := func(list []any, id string, with any) []any {
		list = slices.Clone(list)
		list[slices.IndexFunc(list, func(o any) bool { return idOf(o) == id })] = with
		return list
	}
	sub2 := stripetest.Subscription(stripetest.Old, "sub_2", "cus_A", "past_due", noon, noon)
	instead := func(old string, now ...string) []string {
		all := slices.DeleteFunc(everything(), func(s string) bool { return s == old })
		all = append(all, now...)
		slices.Sort(all)
		return all
	}
	for name, tc := range map[string]struct {
		account  account
		everyone bool
		drops    string
		want     []string
		refused  int
	}{
		"customers who have or had a subscription": {account: lists(), want: everything()},
		"every customer":   {account: lists(), everyone: true, want: instead("", "cus_D whole", "dp_1 of cus_D")},
		"an empty account": {},
		"a subscription that is not readable leaves its customer incomplete": {
			account: without(func(a *account) { a.subscriptions = replaced(a.subscriptions, "sub_2", sub2.With("status", 7)) }),
			want:    slices.DeleteFunc(instead("cus_A whole", "cus_A"), func(s string) bool { return strings.HasPrefix(s, "sub_2") }), refused: 1,
		},
		"a subscription of an unknown customer leaves every customer incomplete": {
			account: without(func(a *account) { a.subscriptions = replaced(a.subscriptions, "sub_2", sub2.With("customer", nil)) }),
			want: []string{
				"cus_A", "cus_B", "cus_C", "dp_3 of cus_A", "sub_1 of cus_B canceled", "sub_3 of cus_C unpaid", "sub_4 of cus_B canceled",
				"sub_5 of cus_A active",
			}, refused: 1,
		},
		"something else in the list does, too": {
			account: without(func(a *account) { a.subscriptions = replaced(a.subscriptions, "sub_2", "sub_2") }),
			want: []string{
				"cus_A", "cus_B", "cus_C", "dp_3 of cus_A", "sub_1 of cus_B canceled", "sub_3 of cus_C unpaid", "sub_4 of cus_B canceled",
				"sub_5 of cus_A active",
			}, refused: 1,
		},
		"a subscription that is not stored leaves its customer incomplete": {
			account: lists(), drops: "sub_2", refused: 1,
			want: slices.DeleteFunc(instead("cus_A whole", "cus_A"), func(s string) bool { return strings.HasPrefix(s, "sub_2") }),
		},
		"a profile that is not stored": {account: lists(), drops: "cus_A", refused: 1, want: instead("cus_A whole", "cus_A")},
		"a customer that is not readable is left to the resync": {
			account: without(func(a *account) {
				a.customers = replaced(a.customers, "cus_A", stripetest.Customer("cus_A", "", "").With("livemode", 7))
			}),
			want: instead("cus_A whole", "cus_A"), refused: 1,
		},
		"a dispute that is not stored": {account: lists(), drops: "dp_3", refused: 1, want: instead("dp_3 of cus_A")},
		"a dispute whose charge is gone": {
			account: without(func(a *account) {
				a.disputes = replaced(a.disputes, "dp_3", stripetest.Dispute("dp_3", "ch_3", "pi_3", noon, noon).With("charge", nil))
			}),
			want: instead("dp_3 of cus_A"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := &stripe{accounts: map[string]account{"": tc.account}}, newCluster(t)
			c.drops[tc.drops] = true
			i := newImporter(s, c)
			i.Everyone = tc.everyone
			if err := look(t, i, c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.shows(t)); diff != "" {
				t.Errorf("cluster (-want +got):\n%s", diff)
			}
			got := c.checkpoint(t, "platform")
			if got.Phase != Done || got.Refused != tc.refused || len(got.Incomplete) > 0 || !got.FinishedAt.Equal(&metav1.Time{Time: noon}) {
				t.Errorf("the checkpoint is %+v, want Done with %d refused", got, tc.refused)
			}
			if i.Phase() != "Done" || i.Running() || !isClosedChannel(i.FirstOver()) {
				t.Errorf("phase %s, running %t, over %t; want Done, false, true", i.Phase(), i.Running(), isClosedChannel(i.FirstOver()))
			}
			before := len(s.asked)
			if err := look(t, i, c); err != nil || len(s.asked) > before {
				t.Errorf("the next look asks for %v and ends with %v, want no request", s.asked[before:], err)
			}
		})
	}
}

// A kill at any page leads to the same cluster. The next process goes on at the page that was not folded.
func TestAKillResumesAtThePage(t *testing.T) {
	for n, page := range everyPage {
		t.Run(page, func(t *testing.T) {
			s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
			ctx, kill := context.WithCancel(t.Context())
			s.onPage = func(asked string) {
				if asked == page {
					kill()
				}
			}
			s.fails = map[string]error{page: context.Canceled}
			killed := newImporter(s, c)
			stopped := make(chan struct{})
			go func() { defer close(stopped); c.fold(ctx, t) }()
			if err := killed.Start(ctx); err != nil {
				t.Fatal(err)
			}
			<-stopped
			if isClosedChannel(killed.FirstOver()) {
				t.Error("the killed import is over")
			}
			s.onPage = nil
			if err := look(t, newImporter(s, c), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(everything(), c.shows(t)); diff != "" {
				t.Errorf("cluster (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(slices.Insert(slices.Clone(everyPage), n, page), s.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// A page whose customers were not folded before a kill is listed again, also if it was the last of its phase.
func TestAPageThatWasNotFoldedIsListedAgain(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	ctx, kill := context.WithCancel(t.Context())
	go func() {
		for range c.mailbox.Wake() { // the controllers die with the first Batch in their hands
			kill()
			return
		}
	}()
	if err := newImporter(s, c).Start(ctx); err != nil {
		t.Fatal(err)
	}
	c.mailbox = readings.NewMailbox()
	if err := look(t, newImporter(s, c), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]string{everyPage[0]}, everyPage...), s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// If the object after which the list goes on is gone, the phase begins anew.
func TestACursorThatIsGoneRestartsThePhase(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	s.fails = map[string]error{everyPage[1]: fmt.Errorf("list: %w", stripeapi.ErrCursorGone), everyPage[4]: stripeapi.ErrCursorGone}
	i := newImporter(s, c)
	for range 2 {
		if err := look(t, i, c); !errors.Is(err, stripeapi.ErrCursorGone) || i.madeProgress {
			t.Fatalf("error is %v, and it made progress: %t", err, i.madeProgress)
		}
	}
	if err := look(t, i, c); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(everyPage[:2], everyPage[:5], everyPage[3:])
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(everything(), c.shows(t)); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
}

// A list that never ends is given up after a bound, and so is one that restarts again and again. Other accounts are
// imported.
func TestAListThatNeverEndsIsGivenUp(t *testing.T) {
	for name, restarts := range map[string]bool{"it goes on": false, "it restarts": true} {
		t.Run(name, func(t *testing.T) {
			s, c := &stripe{accounts: map[string]account{"": lists()}, endless: true}, newCluster(t)
			i := newImporter(s, c)
			i.maxPages = 12
			for range 20 {
				if restarts {
					s.fails = map[string]error{everyPage[2]: stripeapi.ErrCursorGone}
				}
				if err := look(t, i, c); err != nil && !errors.Is(err, stripeapi.ErrCursorGone) {
					t.Fatal(err)
				}
			}
			got := c.checkpoint(t, "platform")
			if got.Phase != Failed || len(s.asked) > 20 || i.Phase() != "Failed" || !isClosedChannel(i.FirstOver()) {
				t.Errorf("after %d pages the phase is %s and the checkpoint %+v, want Failed", len(s.asked), i.Phase(), got)
			}
			if slices.Contains(c.shows(t), "cus_A whole") {
				t.Error("a customer is whole, though the list of subscriptions did not end")
			}
		})
	}
}

// A failing account does not stop the others. One that Stripe refuses is over for the first backfill, any other failure
// is not.
func TestAFailingAccountDoesNotStopTheOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		err         error
		isNoFailure bool // the look succeeds, so that the next one is not put off
		wantOver    bool
		wantPhase   string
	}{
		"a refused list":         {err: stripeapi.ErrRefused, wantOver: true, wantPhase: "Refused"},
		"a disconnected account": {err: &stripeapi.RefusalError{Account: "acct_A"}, isNoFailure: true, wantOver: true, wantPhase: "Refused"},
		"a cut connection":       {err: errors.New("cut off"), wantPhase: "Retrying"},
	} {
		t.Run(name, func(t *testing.T) {
			connected := &v1alpha1.Customer{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: naming.Object("acct_A", "cus_A")},
				Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_A", Account: "acct_A"},
			}
			other := connected.DeepCopy()
			other.Name, other.Spec.Account = naming.Object("acct_B", "cus_A"), "acct_B"
			s, c := &stripe{accounts: map[string]account{"": lists(), "acct_A": lists(), "acct_B": lists()}}, newCluster(t, connected, other)
			s.fails = map[string]error{"acct_A customers after cus_C": tc.err}
			i := newImporter(s, c)
			if err := look(t, i, c); errors.Is(err, tc.err) == tc.isNoFailure {
				t.Errorf("error is %v, want %v: %t", err, tc.err, !tc.isNoFailure)
			}
			if got := isClosedChannel(i.FirstOver()); got != tc.wantOver || i.Phase() != tc.wantPhase {
				t.Errorf("over is %t and the phase %s, want %t and %s", got, i.Phase(), tc.wantOver, tc.wantPhase)
			}
			shown := c.shows(t)
			for _, want := range []string{"cus_A whole", "acct_A/cus_C whole", "acct_A/cus_A", "acct_B/cus_A whole"} {
				if !slices.Contains(shown, want) {
					t.Errorf("%s is not in the cluster: %v", want, shown)
				}
			}
			if err := look(t, i, c); err != nil || !slices.Contains(c.shows(t), "acct_A/cus_A whole") || !isClosedChannel(i.FirstOver()) {
				t.Errorf("after the next look, which ends with %v, acct_A is not imported", err)
			}
		})
	}
}

// An account whose import keeps failing does not keep the others' missed events from being recovered for ever. Progress has more patience.
func TestAnAccountThatKeepsFailingIsWaitedForAWhile(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	now := testingclock.NewFakeClock(noon)
	i := newImporter(s, c)
	i.Clock = now
	const first, second = "platform subscriptions after ", "platform subscriptions after sub_4"
	for n, step := range []struct {
		fails    string
		after    time.Duration // since the last look
		wantOver bool
	}{
		{first, 0, false}, {first, firstPatience - time.Second, false}, // it is tried, and tried again
		{second, 2 * time.Second, false}, // the first page is imported
		{second, firstPatience - time.Second, false}, {second, time.Second, true},
	} {
		now.Step(step.after)
		s.fails = map[string]error{step.fails: errors.New("cut off")}
		if err := look(t, i, c); err == nil {
			t.Fatalf("look %d does not fail", n)
		}
		if got := isClosedChannel(i.FirstOver()); got != step.wantOver || i.Phase() != "Retrying" {
			t.Errorf("after look %d, over is %t and the phase %s; want %t and Retrying", n, got, i.Phase(), step.wantOver)
		}
	}
	if err := look(t, i, c); err != nil || !slices.Contains(c.shows(t), "cus_A whole") {
		t.Errorf("the next look ends with %v, and the cluster shows %v", err, c.shows(t))
	}
}

// What other accounts import, as those that are connected meanwhile, gives a failing account no more time. Nor does a failure to read
// which accounts there are.
func TestOnlyProgressOfTheFailingAccountsIsWaitedFor(t *testing.T) {
	for name, fails := range map[string]string{
		"an account fails":         "platform subscriptions after ",
		"the checkpoints are away": "",
	} {
		s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
		now := testingclock.NewFakeClock(noon)
		i := newImporter(s, c)
		i.Clock = now
		if fails == "" {
			i.Checkpoints.Reader = forbidden{c}
		}
		for n := range 3 {
			s.fails = map[string]error{fails: errors.New("cut off")}
			id := fmt.Sprintf("acct_%d", n)
			s.accounts[id] = lists()
			if err := c.Create(t.Context(), &v1alpha1.Customer{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: naming.Object(id, "cus_A")},
				Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_A", Account: id},
			}); err != nil {
				t.Fatal(err)
			}
			if err := look(t, i, c); err == nil {
				t.Fatalf("%s: look %d does not fail", name, n)
			}
			if got, want := isClosedChannel(i.FirstOver()), n == 2; got != want {
				t.Errorf("%s: after look %d, over is %t", name, n, got)
			}
			now.Step(firstPatience / 2)
		}
	}
}

// forbidden gets no object.
type forbidden struct{ client.Reader }

func (forbidden) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("forbidden")
}

// Each new value of the annotation imports again, once.
func TestAnImportOnRequest(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	i := newImporter(s, c)
	for n := range 3 {
		for range 2 {
			if err := look(t, i, c); err != nil {
				t.Fatal(err)
			}
		}
		if want := len(everyPage) * (n + 1); len(s.asked) != want {
			t.Fatalf("%d pages are listed, want %d", len(s.asked), want)
		}
		stored := c.configMap(t)
		stored.Annotations = map[string]string{AnnotationImport: fmt.Sprint(n)}
		if err := c.Update(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint that cannot be parsed, or of an unknown phase, begins anew.
func TestAnUnreadableCheckpointBeginsAnew(t *testing.T) {
	for name, value := range map[string]string{"not JSON": "Done", "an unknown phase": `{"phase":"Invoices","after":"in_1"}`} {
		t.Run(name, func(t *testing.T) {
			s := &stripe{accounts: map[string]account{"": lists()}}
			c := newCluster(t, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: ConfigMapName}, Data: map[string]string{"platform": value},
			})
			if err := look(t, newImporter(s, c), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(everyPage, s.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// A customer whose controller never writes holds up no other, and is not whole. A Batch that waits for it is not
// replaced.
func TestACustomerThatIsStuckHoldsUpNoOther(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	c.stuck["cus_A"] = true
	key := types.NamespacedName{Namespace: "ns", Name: naming.Object("", "cus_A")}
	waiting := &readings.Batch{CustomerID: "cus_A"}
	c.mailbox.PutIfEmpty(t.Context(), key, waiting)
	i := newImporter(s, c)
	i.foldPatience = 50 * time.Millisecond
	if err := look(t, i, c); err != nil {
		t.Fatal(err)
	}
	want := []string{"cus_B whole", "cus_C whole", "sub_1 of cus_B canceled", "sub_3 of cus_C unpaid", "sub_4 of cus_B canceled"}
	if diff := cmp.Diff(want, c.shows(t)); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	if c.mailbox.Peek(key) != waiting {
		t.Error("the Batch that was waiting is replaced")
	}
}

// Many customers that are not whole are not named one by one: then none is whole.
func TestIncompleteCustomersAreBounded(t *testing.T) {
	c := &Checkpoint{}
	for n := range maxIncomplete {
		c.markIncomplete(fmt.Sprint("cus_", n))
		c.markIncomplete(fmt.Sprint("cus_", n))
	}
	if c.AllIncomplete || len(c.Incomplete) != maxIncomplete || c.isIncomplete("cus_other") || !c.isIncomplete("cus_7") {
		t.Errorf("%d customers are incomplete, all: %t", len(c.Incomplete), c.AllIncomplete)
	}
	c.markIncomplete("cus_other")
	if !c.AllIncomplete || c.Incomplete != nil || !c.isIncomplete("cus_any") {
		t.Errorf("after one more, %d customers are incomplete, all: %t", len(c.Incomplete), c.AllIncomplete)
	}
}

// An object that is refused is logged once, without personal data.
func TestARefusedObjectIsLoggedOnce(t *testing.T) {
	a := lists()
	a.customers[3] = stripetest.Customer("cus_A", "", "Ada").With("livemode", stripetest.Object{"ada@example.com": 7})
	s, c := &stripe{accounts: map[string]account{"": a}, fails: map[string]error{everyPage[5]: errors.New("cut off")}}, newCluster(t)
	var logged []string
	i := newImporter(s, c)
	i.Log = funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{})
	_ = look(t, i, c)
	stored := c.configMap(t)
	stored.Annotations = map[string]string{AnnotationImport: "again"}
	if err := c.Update(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if err := look(t, i, c); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(logged, "\n")
	if strings.Count(text, `"id"="cus_A"`) != 1 || strings.Contains(text, "ada@") || strings.Contains(text, "Ada") {
		t.Errorf("the log is\n%s\nwant cus_A once and nothing personal", text)
	}
}

// waits is a clock that records the waits and lets no time pass.
type waits struct {
	*testingclock.FakeClock
	waits []time.Duration
	then  func(n int)
}

func (w *waits) After(d time.Duration) <-chan time.Time {
	w.waits = append(w.waits, d)
	w.then(len(w.waits))
	passed := make(chan time.Time, 1)
	passed <- noon
	return passed
}

// After a failure the import goes on soon, after ever longer waits; after progress the waits are short again.
func TestWhenTheImportGoesOn(t *testing.T) {
	s, c := &stripe{accounts: map[string]account{"": lists()}}, newCluster(t)
	fails := func(page int) { s.fails = map[string]error{everyPage[page]: errors.New("down")} }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clock := &waits{FakeClock: testingclock.NewFakeClock(noon), then: func(n int) {
		switch {
		case n < 13:
			fails(0)
		case n == 13:
			fails(2)
		case n == 14:
			fails(2)
		case n == 16:
			cancel()
		}
	}}
	fails(0)
	i := newImporter(s, c)
	i.Clock = clock
	go c.fold(ctx, t)
	if err := i.Start(ctx); err != nil {
		t.Fatal(err)
	}
	second, longest := time.Second, 15*time.Minute
	want := []time.Duration{
		second, 2 * second, 4 * second, 8 * second, 16 * second, 32 * second, 64 * second, 128 * second, 256 * second, 512 * second,
		longest, longest, longest, second, 2 * second, 30 * second,
	}
	if diff := cmp.Diff(want, clock.waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

// Whatever goes wrong at Stripe once, on any list, the import goes on at the page and ends.
func TestEveryFaultOfStripe(t *testing.T) {
	world := stripetest.NewWorld(noon, stripetest.Old, 1)
	a := lists()
	for _, list := range [][]any{a.customers, a.subscriptions} {
		for _, o := range list {
			world.Put(o.(stripetest.Object))
		}
	}
	api := stripetest.NewAPI("sk_test_import", world)
	api.PageSize = 1
	server := api.Start()
	defer server.Close()
	for page, fault := range []stripetest.Fault{stripetest.RateLimited, stripetest.ServerError, stripetest.Truncated, stripetest.Dropped, stripetest.Slow(20 * time.Millisecond)} {
		for _, list := range []string{"/v1/subscriptions", "/v1/customers"} {
			api.Fail(1, fault, onPage(list, page))
		}
	}
	c := newCluster(t)
	i := newImporter(stripeapi.New("sk_test_import", server.URL, ""), c)
	i.Clock = quick{clock.RealClock{}}
	ctx, cancel := context.WithCancel(t.Context())
	go c.fold(ctx, t)
	ended := make(chan error, 1)
	go func() { ended <- i.Start(ctx) }()
	<-i.FirstOver()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"/v1/subscriptions", "/v1/customers"} {
		answers := map[int]int{}
		for _, r := range api.Requests(list) {
			answers[r.Status]++
		}
		if answers[http.StatusTooManyRequests] != 1 || answers[http.StatusInternalServerError] != 1 {
			t.Errorf("the answers to %s are %v, want every fault among them", list, answers)
		}
	}
	want := slices.DeleteFunc(everything(), func(s string) bool { return strings.HasPrefix(s, "dp_") })
	if diff := cmp.Diff(want, c.shows(t)); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
}

// onPage selects the n-th page of a list, from 0, that is requested for the first time.
func onPage(path string, n int) func(*http.Request) bool {
	seen := map[string]bool{}
	return func(r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		seen[r.URL.Query().Get("starting_after")] = true
		return len(seen) == n+1
	}
}

// quick is a clock whose seconds are short.
type quick struct{ clock.RealClock }

func (q quick) After(d time.Duration) <-chan time.Time { return q.RealClock.After(d / 10) }
