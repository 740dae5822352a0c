package entitlement

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// decisionCase is a customer and the decision about it at noon. The zero policy stands for the plain one.
type decisionCase struct {
	customer *customer
	policy   Policy
	want     Decision
}

func (tc decisionCase) decide() Decision {
	if tc.policy == (Policy{}) {
		tc.policy = plain
	}
	return Decide(tc.customer.in, tc.policy, noon)
}

func runDecisions(t *testing.T, cases map[string]decisionCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.decide()); diff != "" {
				t.Errorf("Decide (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	granted  = "Access was granted manually. It continues, even without a paid subscription, until the override is removed."
	deleted  = "The customer was deleted at Stripe on 9 March 2026 at 12:00 UTC, which ended its subscriptions for good."
	denied   = "Access was denied manually. It stays off, even with a paid subscription, until the override is removed."
	disputed = "A payment was disputed. Access is suspended until the dispute is won or withdrawn."
	lost     = "A payment was disputed and the dispute was lost. Access resumes with the next payment."
	refund1  = "The last payment was refunded in full on 9 March 2026 at 12:00 UTC. Access resumes with the next payment."
	isActive = "The subscription is active."
)

// chainCases covers every rule of the chain, and their order.
var chainCases = map[string]decisionCase{
	"no subscription": {
		customer: newCustomer(),
		want:     refused("NoSubscription", "The customer has no subscription.", ""),
	},
	"no access mode means Auto": {
		customer: newCustomer().access("").with("sub_A", sub("active")),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},

	"granted, without a subscription": {
		customer: newCustomer().access(v1alpha1.AccessGranted),
		want:     served("OverrideGranted", granted),
	},
	"granted, and entitling subscriptions are listed": {
		customer: newCustomer().access(v1alpha1.AccessGranted).
			with("sub_A", sub("active")).with("sub_B", sub("trialing")).with("sub_C", sub("canceled")),
		want: served("OverrideGranted", granted, "sub_A", "sub_B"),
	},
	"granted, and the deciding subscription is listed if none entitles": {
		customer: newCustomer().access(v1alpha1.AccessGranted).
			with("sub_A", sub("canceled")).with("sub_B", sub("unpaid")),
		want: served("OverrideGranted", granted, "sub_B"),
	},
	"granted without end, and the list changes when a subscription ends": {
		customer: newCustomer().access(v1alpha1.AccessGranted).
			with("sub_A", sub("active")).with("sub_B", sub("trialing").trialUntil(day(4)).cancelAt(day(4))),
		want: served("OverrideGranted", granted, "sub_A", "sub_B").next(day(4)),
	},
	"deleted, with a subscription": {
		customer: newCustomer().deleted(day(-1)).with("sub_A", sub("active")),
		want:     refused("SubscriptionEnded", deleted, "sub_A"),
	},
	"deleted, without a subscription": {
		customer: newCustomer().deleted(day(-1)),
		want:     refused("SubscriptionEnded", deleted, ""),
	},
	"deleted, in dispute": {
		customer: newCustomer().deleted(day(-1)).with("sub_A", sub("canceled")).dispute("dp_1", "needs_response"),
		policy:   strict,
		want:     refused("SubscriptionEnded", deleted, "sub_A"),
	},
	"deleted and granted": {
		customer: newCustomer().deleted(day(-1)).with("sub_A", sub("canceled")).access(v1alpha1.AccessGranted),
		want:     served("OverrideGranted", granted, "sub_A"),
	},
	"deleted and denied": {
		customer: newCustomer().deleted(day(-1)).access(v1alpha1.AccessDenied),
		want:     refused("OverrideDenied", denied, ""),
	},
	"granted, in dispute and refunded": {
		customer: newCustomer().access(v1alpha1.AccessGranted).with("sub_A", sub("active")).
			dispute("dp_1", "needs_response").paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy: strict,
		want:   served("OverrideGranted", granted, "sub_A"),
	},
	"denied, without a subscription": {
		customer: newCustomer().access(v1alpha1.AccessDenied),
		want:     refused("OverrideDenied", denied, ""),
	},
	"denied, though active": {
		customer: newCustomer().access(v1alpha1.AccessDenied).with("sub_A", sub("active")),
		want:     refused("OverrideDenied", denied, "sub_A"),
	},
	"denied without end, even when a subscription ends": {
		customer: newCustomer().access(v1alpha1.AccessDenied).with("sub_A", sub("active").cancelAt(day(5))),
		want:     refused("OverrideDenied", denied, "sub_A"),
	},
	"denied, in dispute": {
		customer: newCustomer().access(v1alpha1.AccessDenied).with("sub_A", sub("active")).dispute("dp_1", "needs_response"),
		policy:   strict,
		want:     refused("OverrideDenied", denied, "sub_A"),
	},

	"a dispute, recorded": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "needs_response"),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a dispute suspends": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "needs_response"),
		policy:   strict,
		want:     refused("Disputed", disputed, "sub_A"),
	},
	"a dispute suspends until the subscription ends": {
		customer: newCustomer().with("sub_A", sub("active").cancelAt(day(5))).dispute("dp_1", "under_review"),
		policy:   strict,
		want:     refused("Disputed", disputed, "sub_A").next(day(5)),
	},
	"a lost dispute suspends": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "lost"),
		policy:   strict,
		want:     refused("Disputed", lost, "sub_A"),
	},
	"a dispute with an unknown status suspends": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "escalated"),
		policy:   strict,
		want:     refused("Disputed", disputed, "sub_A"),
	},
	"an inquiry has moved no money": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "warning_needs_response"),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a lost dispute, and a payment since": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "lost").lostAt("dp_1", day(-4)).paid("ch_2", "pi_2"),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a lost dispute, and a payment from before": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "lost").lostAt("dp_1", day(-2)).paid("ch_2", "pi_2"),
		policy:   strict,
		want:     refused("Disputed", lost, "sub_A"),
	},
	"a dispute that was won": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "won"),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a dispute that was only a warning": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "warning_closed"),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a dispute that was prevented": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "prevented"),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"one dispute won, another one open": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_2", "won").dispute("dp_1", "needs_response"),
		policy:   strict,
		want:     refused("Disputed", disputed, "sub_A"),
	},
	"a dispute comes before a refund": {
		customer: newCustomer().with("sub_A", sub("active")).
			dispute("dp_1", "needs_response").paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy: strict,
		want:   refused("Disputed", disputed, "sub_A"),
	},
	"a policy for refunds does not apply to disputes": {
		customer: newCustomer().with("sub_A", sub("active")).dispute("dp_1", "needs_response"),
		policy:   Policy{GracePeriod: week, TrialLeeway: leeway, OnDispute: Record, OnRefund: Suspend},
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},

	"a full refund of the last payment, recorded": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a full refund of the last payment suspends": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy:   strict,
		want:     refused("AwaitingPayment", refund1, "sub_A"),
	},
	"a full refund suspends until the subscription ends": {
		customer: newCustomer().with("sub_A", sub("active").cancelAt(day(5))).
			paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy: strict,
		want:   refused("AwaitingPayment", refund1, "sub_A").next(day(5)),
	},
	"a full refund known by its charge only": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "").refunded("ch_1", "", true),
		policy:   strict,
		want:     refused("AwaitingPayment", refund1, "sub_A"),
	},
	"a full refund known by its payment intent only": {
		customer: newCustomer().with("sub_A", sub("active")).paid("", "pi_1").refunded("ch_1", "pi_1", true),
		policy:   strict,
		want:     refused("AwaitingPayment", refund1, "sub_A"),
	},
	"a refund in part": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "pi_1").refunded("ch_1", "pi_1", false),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a full refund of an older payment": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_2", "pi_2").refunded("ch_1", "pi_1", true),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a full refund without a payment intent, of an older payment without one": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_2", "").refunded("ch_1", "", true),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a full refund of the last payment among others": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "pi_1").
			refunded("ch_3", "pi_3", true).refunded("ch_1", "pi_1", true),
		policy: strict,
		want:   refused("AwaitingPayment", refund1, "sub_A"),
	},
	"a refund, no payment known": {
		customer: newCustomer().with("sub_A", sub("active")).refunded("ch_1", "pi_1", true),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"a full refund changes nothing for a customer that is not entitled": {
		customer: newCustomer().with("sub_A", sub("canceled")).paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy:   strict,
		want:     refused("SubscriptionEnded", "The subscription was canceled and ended.", "sub_A"),
	},
	"a policy for disputes does not apply to refunds": {
		customer: newCustomer().with("sub_A", sub("active")).paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy:   Policy{GracePeriod: week, TrialLeeway: leeway, OnDispute: Suspend, OnRefund: Record},
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
}

func TestChain(t *testing.T) { runDecisions(t, chainCases) }

// A reason that no case produces is never published, or its case is missing here.
func TestEveryReasonIsProduced(t *testing.T) {
	type answer struct {
		status bool
		reason string
	}
	got := map[answer]bool{}
	for _, cases := range []map[string]decisionCase{chainCases, subscriptionCases, severalCases, purchaseCases} {
		for _, tc := range cases {
			d := tc.decide()
			got[answer{d.Entitled, d.Reason}] = true
		}
	}
	want := map[answer]bool{{false, v1alpha1.ReasonStateNotKnown}: true}
	for _, reason := range reasonsUnder(t, "Reasons of Entitled=True.") {
		want[answer{true, reason}] = true
	}
	for _, reason := range reasonsUnder(t, "Reasons of Entitled=False.") {
		want[answer{false, reason}] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons declared and reasons produced (-want +got):\n%s", diff)
	}
}

// reasonsUnder reads the values of the constants under a heading of the API package.
func reasonsUnder(t *testing.T, heading string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST || strings.TrimSpace(group.Doc.Text()) != heading {
			continue
		}
		for _, spec := range group.Specs {
			for _, value := range spec.(*ast.ValueSpec).Values {
				reason, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				reasons = append(reasons, reason)
			}
		}
	}
	if len(reasons) == 0 {
		t.Fatalf("no constants under %q", heading)
	}
	return reasons
}

// The properties below hold for any customer. The seed is fixed, so a failure repeats.

func TestDecideIsPure(t *testing.T) {
	forAny(t, func(t *testing.T, in Input, policy Policy, now time.Time) {
		before := copyOf(in)
		first, second := Decide(in, policy, now), Decide(in, policy, now)
		if !reflect.DeepEqual(before, in) {
			t.Fatalf("Decide has changed its input (-before +after):\n%s", cmp.Diff(before, in))
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("two decisions for the same input differ (-first +second):\n%s", cmp.Diff(first, second))
		}
	})
}

// The decision at Next is another one; any earlier decision is the same. If Next is nil, it never changes.
func TestNextIsTheFirstChange(t *testing.T) {
	forAny(t, func(t *testing.T, in Input, policy Policy, now time.Time) {
		decision := Decide(in, policy, now)
		end := now.AddDate(1, 0, 0)
		if next := decision.Next; next != nil {
			if !next.After(now) {
				t.Fatalf("Next = %s is not after now", next)
			}
			if reflect.DeepEqual(timeless(decision), timeless(Decide(in, policy, next.Time))) {
				t.Fatalf("nothing changes at Next = %s: %+v", next, decision)
			}
			end = next.Time
		}
		for _, moment := range between(now, end) {
			if then := Decide(in, policy, moment); !reflect.DeepEqual(timeless(decision), timeless(then)) {
				t.Fatalf("the decision changes at %s, before Next = %v: %+v", moment, decision.Next, then)
			}
		}
	})
}

// The condition does not turn False before Until, and is False from Until on. It may be Unknown in between.
func TestUntilIsTheEndOfEntitled(t *testing.T) {
	forAny(t, func(t *testing.T, in Input, policy Policy, now time.Time) {
		decision := Decide(in, policy, now)
		if !decision.Entitled {
			if decision.Until != nil {
				t.Fatalf("not entitled, but Until = %s", decision.Until)
			}
			return
		}
		end := now.AddDate(1, 0, 0)
		if decision.Until != nil {
			end = decision.Until.Time
			if then := Decide(in, policy, end); then.Entitled || then.Unknown {
				t.Fatalf("not False at Until = %s: %+v", decision.Until, then)
			}
		}
		for _, moment := range between(now, end) {
			if then := Decide(in, policy, moment); !then.Entitled && !then.Unknown {
				t.Fatalf("False at %s, before Until = %v: %+v", moment, decision.Until, then)
			}
		}
	})
}

// The entitling subscriptions are the customer's own, and the deciding one comes first.
func TestEntitlingAreKnownSubscriptions(t *testing.T) {
	forAny(t, func(t *testing.T, in Input, policy Policy, now time.Time) {
		decision := Decide(in, policy, now)
		if !decision.Entitled && len(decision.Entitling) > 0 {
			t.Fatalf("not entitled, but for %v", decision.Entitling)
		}
		if len(decision.Entitling) > 0 && decision.Entitling[0] != decision.SubscriptionID {
			t.Fatalf("%s decides, but %v entitle", decision.SubscriptionID, decision.Entitling)
		}
		for _, id := range decision.Entitling {
			if in.Subscriptions[id] == nil {
				t.Fatalf("entitled for %s, which the customer does not have", id)
			}
		}
		if decision.SubscriptionID == "" && hasAccessFromPurchase(in, now) {
			return
		}
		if known := in.Subscriptions[decision.SubscriptionID] != nil; known != (len(in.Subscriptions) > 0) {
			t.Fatalf("%q decides of %v", decision.SubscriptionID, slices.Collect(maps.Keys(in.Subscriptions)))
		}
	})
}

// A support engineer reads the message out: it is made of sentences, and names no person, id or field.
func TestMessagesCanBeReadOut(t *testing.T) {
	forAny(t, func(t *testing.T, in Input, policy Policy, now time.Time) {
		message := Decide(in, policy, now).Message
		if message[0] < 'A' || message[0] > 'Z' || !strings.HasSuffix(message, ".") {
			t.Fatalf("not a sentence: %q", message)
		}
		for _, wrong := range []string{"  ", " .", "%!", "<nil>", "January 0001", "@", "Ada", "Lovelace", "sub_", "ch_", "dp_", "spec."} {
			if strings.Contains(message, wrong) {
				t.Fatalf("%q is in the message %q", wrong, message)
			}
		}
	})
}

func forAny(t *testing.T, property func(t *testing.T, in Input, policy Policy, now time.Time)) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 11))
	for i := range 1_500 {
		in, policy, now := anyInput(random), anyPolicy(random), noon.Add(time.Duration(random.IntN(48))*time.Hour)
		property(t, in, policy, now)
		if t.Failed() {
			t.Fatalf("case %d: %+v", i, in)
		}
	}
}

func anyPolicy(random *rand.Rand) Policy {
	return Policy{
		GracePeriod: pick(random, 0, time.Hour, 2*24*time.Hour, week), GracePeriodNeverPaid: pick(random, nil, new(time.Duration), new(2*week)),
		TrialLeeway: pick(random, 0, leeway, 24*time.Hour),
		OnDispute:   pick(random, Record, Suspend),
		OnRefund:    pick(random, Record, Suspend),
		OnVoidPause: pick(random, AtPeriodEnd, AtOnce),
	}
}

func anyInput(random *rand.Rand) Input {
	c := newCustomer()
	c.in.HasStripe = random.IntN(2) == 0
	if random.IntN(2) == 0 {
		c.incomplete()
	}
	c.access(pick(random, "", v1alpha1.AccessAuto, v1alpha1.AccessAuto, v1alpha1.AccessGranted, v1alpha1.AccessDenied))
	if random.IntN(4) == 0 {
		c.override(pick(random, v1alpha1.OverrideGranted, v1alpha1.OverrideDenied), anyDay(random))
	}
	if random.IntN(4) == 0 {
		c.grace(pick(random, 0, time.Hour, 2*week))
	}
	if random.IntN(4) == 0 {
		c.dispute("dp_1", pick(random, "needs_response", "won", "lost"))
	}
	if random.IntN(2) == 0 {
		c.paid(pick(random, "ch_1", ""), pick(random, "pi_1", "")).refunded(pick(random, "ch_1", "ch_2"), "pi_1", random.IntN(2) == 0)
	}
	if random.IntN(2) == 0 {
		c.paidSince(day(-9))
	}
	for range max(0, random.IntN(5)-2) {
		anyPurchase(random, c)
	}
	for i := range random.IntN(5) {
		c.with(fmt.Sprintf("sub_%d", i), anySubscription(random))
	}
	return c.in
}

func anySubscription(random *rand.Rand) *subscription {
	s := sub(pick(random, "incomplete", "incomplete_expired", "trialing", "trialing", "active", "active", "active", "past_due",
		"past_due", "unpaid", "paused", "canceled", "hibernating", ""))
	s.started(anyDay(random)).ended(anyDay(random)).trialUntil(anyDay(random)).period(anyDay(random), anyDay(random))
	s.lastPaid(anyDay(random)).paidThrough(anyDay(random))
	if random.IntN(3) == 0 {
		s.latest(pick(random, "draft", "open", "paid", "void"))
	}
	if random.IntN(3) == 0 {
		s.cancelAt(anyDay(random))
	}
	if random.IntN(3) == 0 {
		s.cancelAtPeriodEnd()
	}
	if random.IntN(3) == 0 {
		s.paused(pick(random, "void", "void", "keep_as_draft"), anyDay(random))
	}
	for range 2 {
		if t := anyDay(random); t != nil {
			s.became(pick(random, "past_due", "active", "paused"), t)
		}
	}
	s.pausedBy(pick(random, "", "", "first_payment_failure", "final_payment_failure", "requested"))
	if t := anyDay(random); t != nil {
		s.seen(t)
	}
	return s
}

// anyDay is sometimes nil. There are few days, so that deadlines often coincide.
func anyDay(random *rand.Rand) *metav1.Time {
	if random.IntN(4) == 0 {
		return nil
	}
	return day(random.IntN(16) - 8)
}

func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// between lists moments from start to before end, the last second included.
func between(start, end time.Time) []time.Time {
	moments := []time.Time{start, end.Add(-time.Second)}
	for moment := start; moment.Before(end) && len(moments) < 16; moment = moment.Add(25*time.Hour + 7*time.Minute) {
		moments = append(moments, moment)
	}
	return slices.DeleteFunc(moments, func(moment time.Time) bool { return moment.Before(start) })
}

// timeless is the decision without its times.
func timeless(d Decision) Decision {
	d.Until, d.Next = nil, nil
	return d
}

func copyOf(in Input) Input {
	copied := Input{Spec: *in.Spec.DeepCopy(), Customer: in.Customer.DeepCopy(), HasStripe: in.HasStripe}
	copied.Subscriptions = map[string]*v1alpha1.SubscriptionStatus{}
	for id, s := range in.Subscriptions {
		copied.Subscriptions[id] = s.DeepCopy()
	}
	return copied
}
