package resync

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// reading is what is due to be read from Stripe of one customer.
type reading struct {
	whole    bool              // the customer, all its subscriptions, known disputes and full refunds
	objects  []string          // if not whole: the Stripe ids of these objects
	products []string          // if not whole: the Stripe ids of these products
	requests map[string]string // the values of the resync annotations that the reading answers, by Stripe id
}

func (r reading) isEmpty() bool { return !r.whole && len(r.objects) == 0 && len(r.products) == 0 }

// schedule is when one customer is read from Stripe. It lives in memory: after a restart every doubt is read once more,
// and the sweep comes at the customer's next turn.
type schedule struct {
	readsProducts bool // whether a product that is not known is a doubt
	customer      string
	sweepInterval time.Duration
	nextSweep     time.Time            // zero if the sweep is off
	doubts        map[string]*doubt    // by Stripe id, or wholeCustomer
	trialEnds     map[string]time.Time // of the subscriptions in a trial that was not read after its end, by Stripe id
	trialsRead    map[string]time.Time // the trial ends after which a subscription was read
}

// wholeCustomer is the key of the doubt about which subscriptions a customer has. Either not all of them are known
// (status.complete), or one is known by name only. It is also the key of a difference that a comparison of the customer could
// not settle.
const wholeCustomer = ""

// doubt is about the state of one object. It is read once.
type doubt struct {
	position  v1alpha1.Position
	noted     time.Time // when it was observed first
	since     time.Time // from when on it waits: later than noted if it is postponed
	isRead    bool
	isProduct bool
	isCut     bool // the first entries of a list are known
}

// dueAt is when the doubt is read. A product, and the rest of a list, is read at once: no event will come that says it.
func (d *doubt) dueAt(delay time.Duration) time.Time {
	if d.isProduct && d.position.EventID == "" || d.isCut {
		return d.since
	}
	return d.since.Add(delay)
}

// observe updates the schedule with the customer's present doubts. A doubt counts as new if an event has changed the
// object's position.
func (s *schedule) observe(
	customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, now time.Time, sweepInterval time.Duration,
) {
	if s.nextSweep.IsZero() && sweepInterval > 0 {
		s.customer, s.sweepInterval = customer.Name, sweepInterval
		s.nextSweep = sweepAfter(now, s.customer, sweepInterval)
	}
	s.observeTrials(subscriptions)
	aggregate := aggregateOf(customer, subscriptions)
	positions := projection.InDoubt(aggregate, customer.Spec.CustomerID)
	products := map[string]v1alpha1.Position{}
	if s.readsProducts {
		products = projection.ProductsInDoubt(aggregate)
	}
	maps.Copy(positions, products)
	if projection.IsPartlyKnown(aggregate) {
		positions[wholeCustomer] = v1alpha1.Position{}
	}
	if last := customer.Status.LastComparison; last != nil && len(last.Remaining) > 0 && customer.Status.DeletedAt == nil {
		positions[wholeCustomer] = positions[customer.Spec.CustomerID] // it may be a dispute or a refund that differs
		delete(positions, customer.Spec.CustomerID)
	}
	for _, id := range projection.UnreadPurchases(&customer.Status) {
		positions[id] = v1alpha1.Position{}
	}
	maps.DeleteFunc(s.doubts, func(id string, _ *doubt) bool { _, remains := positions[id]; return !remains })
	for id, position := range positions {
		if known := s.doubts[id]; known != nil && equality.Semantic.DeepEqual(known.position, position) {
			continue
		}
		if s.doubts == nil {
			s.doubts = map[string]*doubt{}
		}
		_, isProduct := products[id]
		s.doubts[id] = &doubt{position: position, noted: now, since: now, isProduct: isProduct, isCut: isCut(aggregate, id)}
	}
}

// isCut reports whether only the first items of a subscription, or lines of an invoice, are known.
func isCut(a *projection.Aggregate, id string) bool {
	s := a.Subscriptions[id]
	return s != nil && s.MoreItems || slices.Contains(projection.CutInvoices(a), id)
}

// aggregateOf is the customer with its subscriptions as they are stored. It shares their statuses.
func aggregateOf(customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription) *projection.Aggregate {
	aggregate := &projection.Aggregate{Customer: customer.Status, Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for id, subscription := range subscriptions {
		aggregate.Subscriptions[id] = &subscription.Status
	}
	return aggregate
}

// observeTrials notes the ends of trials. What follows a trial is Stripe's word: a payment, a pause or a cancellation, whose
// event may be late. So the subscription is read after the end of its trial, unless an event has reported another status by
// then.
func (s *schedule) observeTrials(subscriptions map[string]*v1alpha1.Subscription) {
	s.trialEnds = map[string]time.Time{}
	for id, subscription := range subscriptions {
		end := subscription.Status.TrialEnd
		if subscription.Status.Status == projection.StatusTrialing && end != nil && !s.trialsRead[id].Equal(end.Time) {
			s.trialEnds[id] = end.Time
		}
	}
}

// postponeDoubts restarts the delay of every doubt.
func (s *schedule) postponeDoubts(now time.Time) {
	for _, d := range s.doubts {
		d.since = now
	}
}

// postponeWhole postpones the doubt about the whole customer, which an import settles, for as long as it has waited, up to maxImportPause:
// an import of hours leaves very many customers in doubt. The others are read meanwhile. For example, with a delay of 5 s the customer is
// looked at after 5, 10, 20, 40 and 80 s, and every minute then.
func (s *schedule) postponeWhole(now time.Time, delay time.Duration) {
	if d := s.doubts[wholeCustomer]; d != nil {
		d.since = now.Add(max(min(now.Sub(d.noted), maxImportPause), delay) - delay)
	}
}

// due returns what there is a reason to read now. A doubt is due after the delay.
func (s *schedule) due(
	customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, now time.Time, delay time.Duration,
) reading {
	r := reading{requests: map[string]string{}}
	if value := request(customer.Annotations, customer.Status.LastComparison); value != "" {
		r.whole, r.requests[customer.Spec.CustomerID] = true, value
	}
	if !s.nextSweep.IsZero() && !now.Before(s.nextSweep) {
		r.whole = true
	}
	for id, subscription := range subscriptions {
		if value := request(subscription.Annotations, subscription.Status.LastComparison); value != "" {
			r.objects, r.requests[id] = append(r.objects, id), value
		}
	}
	for id, d := range s.doubts {
		switch isDue := !d.isRead && !now.Before(d.dueAt(delay)); {
		case isDue && d.isProduct:
			r.products = append(r.products, id)
		case isDue && id == wholeCustomer:
			r.whole = true
		case isDue && r.requests[id] == "":
			r.objects = append(r.objects, id)
		}
	}
	for id, end := range s.trialEnds {
		if !now.Before(end.Add(delay)) && !slices.Contains(r.objects, id) {
			r.objects = append(r.objects, id)
		}
	}
	slices.Sort(r.objects)
	slices.Sort(r.products)
	return r
}

// request returns the value of a resync annotation that was not answered yet; else it is empty.
func request(annotations map[string]string, last *v1alpha1.Comparison) string {
	answered := ""
	if last != nil {
		answered = last.Request
	}
	return annotation.Unanswered(annotations[v1alpha1.AnnotationResync], answered)
}

// done notes that Stripe has answered. A reading of the whole customer takes the place of the next sweep.
func (s *schedule) done(r reading, now time.Time) {
	for id, d := range s.doubts {
		d.isRead = d.isRead || r.whole || slices.Contains(r.objects, id) || slices.Contains(r.products, id)
	}
	for id, end := range s.trialEnds {
		if !now.Before(end) && (r.whole || slices.Contains(r.objects, id)) {
			if s.trialsRead == nil {
				s.trialsRead = map[string]time.Time{}
			}
			s.trialsRead[id] = end
			delete(s.trialEnds, id)
		}
	}
	if r.whole && s.sweepInterval > 0 {
		s.nextSweep = sweepAfter(now, s.customer, s.sweepInterval)
	}
}

// isWaiting reports whether a doubt was not read yet, due or not.
func (s *schedule) isWaiting() bool {
	for _, d := range s.doubts {
		if !d.isRead {
			return true
		}
	}
	return false
}

// next returns when something will be due if nothing changes; nil if nothing will.
func (s *schedule) next(delay time.Duration) *time.Time {
	var next *time.Time
	if !s.nextSweep.IsZero() {
		next = &s.nextSweep
	}
	for _, d := range s.doubts {
		if dueAt := d.dueAt(delay); !d.isRead && (next == nil || dueAt.Before(*next)) {
			next = &dueAt
		}
	}
	for _, end := range s.trialEnds {
		if dueAt := end.Add(delay); next == nil || dueAt.Before(*next) {
			next = &dueAt
		}
	}
	return next
}

// sweepAfter returns the first sweep of a customer after a time. Names spread the customers evenly over the interval:
// with an interval of 24 h, a customer whose name hashes to 6 h is read at 06:00 UTC every day, whenever the process
// started.
func sweepAfter(after time.Time, customer string, interval time.Duration) time.Time {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(customer))
	next := after.Truncate(interval).Add(time.Duration(hash.Sum64() % uint64(interval)))
	if !next.After(after) {
		next = next.Add(interval)
	}
	return next
}
