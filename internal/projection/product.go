package projection

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Each product is a part of the Customer's status: "product/<id>". Which subscriptions bill it does not matter for the
// fold, so that an event about a product may come before or after the one that reports the subscription.
const partProductPrefix = "product/"

// maxProducts is how many products a Customer's status shows: as many as one subscription can have.
const maxProducts = 20

// ProductState shows what a product grants.
func ProductState(a *Aggregate, e *Event) bool {
	c, record := &a.Customer, e.Product
	if record == nil || e.ObjectID == "" {
		return false
	}
	part := partProductPrefix + e.ObjectID
	shows := takeStatePart(&c.Positions, part, positionOf(e, v1alpha1.AuthorityState, typeRank(e.Type)), record.Trace)
	clearGap(&c.Positions, part) // nobody needs the product's history before its first reading
	if shows {
		idOf := func(p *v1alpha1.Product) string { return p.ID }
		c.Products = upsert(c.Products, v1alpha1.Product{ID: e.ObjectID, ProductState: *record.ProductState.DeepCopy()}, idOf)
		slices.SortFunc(c.Products, func(a, b v1alpha1.Product) int { return cmp.Compare(a.ID, b.ID) })
	}
	return shows
}

// readProduct folds a reading of a product. All customers share the readings, so this one may be older than what shows:
// then it says nothing. The first reading of a product corrects nothing, and so names no fields.
func readProduct(a *Aggregate, e *Event) Difference {
	shown := productOf(&a.Customer, e.ObjectID)
	if shown == nil {
		ProductState(a, e)
		return Difference{}
	}
	p := ProductPosition(&a.Customer, e.ObjectID)
	if e.Created.Before(&p.Created) {
		return Difference{}
	}
	d := Difference{Remaining: differingFields(shown.ProductState, e.Product.ProductState)}
	return d.fold(a, e, p.Doubt, ProductState)
}

// BilledProducts lists the ids of the products of all subscriptions that have not ended, by subscription and in the
// order of the items: the first ones, as many as a status shows.
func BilledProducts(a *Aggregate) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(a.Subscriptions)) {
		for _, product := range ProductsOf(a.Subscriptions[id]) {
			if !slices.Contains(ids, product) && len(ids) < maxProducts {
				ids = append(ids, product)
			}
		}
	}
	return ids
}

// ProductsOf lists the ids of the products that a subscription bills; none if it has ended.
func ProductsOf(s *v1alpha1.SubscriptionStatus) []string {
	var ids []string
	for _, item := range itemsOf(s) {
		if id := item.Product; id != "" && !hasEnded(s.Status) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ProductsInDoubt returns the billed products that are not known, with a zero position, and those whose events tie, with
// their positions.
func ProductsInDoubt(a *Aggregate) map[string]v1alpha1.Position {
	doubts := map[string]v1alpha1.Position{}
	for _, id := range BilledProducts(a) {
		p, known := a.Customer.Positions[partProductPrefix+id]
		if !known || p.Doubt != "" {
			doubts[id] = p
		}
	}
	return doubts
}

// ProductPosition is the position of a product; zero if nothing reported it.
func ProductPosition(c *v1alpha1.CustomerStatus, id string) v1alpha1.Position {
	return c.Positions[partProductPrefix+id]
}

// LacksProductEvent reports whether the status does not reflect an event, or a reading, about a product yet. A reading
// is reflected by any state of the product. An event is not lacking if it comes before all that a full history remembers,
// in the order of addTransition: it was dropped, or would be.
func LacksProductEvent(c *v1alpha1.CustomerStatus, e *Event) bool {
	p, known := c.Positions[partProductPrefix+e.ObjectID]
	if !known || e.EventID == EventRead {
		return !known
	}
	isThis := func(t v1alpha1.Transition) bool { return t.EventID == e.EventID }
	if e.Created.Before(&p.Created) || slices.ContainsFunc(p.Recent, isThis) {
		return false
	}
	return len(p.Recent) < maxRecent || compareTransitions(v1alpha1.Transition{EventID: e.EventID, Created: e.Created}, p.Recent[0]) > 0
}

// ShownProduct returns a product as the status shows it, in the form of the event or reading that reported it; nil if the
// status does not show it. So it can be folded into the status of another customer.
func ShownProduct(c *v1alpha1.CustomerStatus, account, id string) *Event {
	p, known := c.Positions[partProductPrefix+id]
	shown := productOf(c, id)
	if !known || shown == nil {
		return nil
	}
	record := &v1alpha1.ProductRecord{ProductState: *shown.ProductState.DeepCopy()}
	for _, t := range p.Recent {
		if t.EventID == p.EventID {
			record.Trace = t.Trace
		}
	}
	e := &Event{
		EventID: p.EventID, Type: "product.updated", Created: p.Created, Account: account, ObjectID: id, ObjectKind: "product",
		Product: record,
	}
	if p.EventID == EventRead {
		e.Type = "product.read"
	}
	if c.Livemode != nil {
		e.Livemode = *c.Livemode
	}
	return e
}

// MissingProduct is the reading of a product that Stripe does not know at the time.
func MissingProduct(account, id string, at metav1.Time) *Event {
	return &Event{
		EventID: EventRead, Type: "product.read", Created: at, Account: account, ObjectID: id, ObjectKind: "product",
		Product: &v1alpha1.ProductRecord{ProductState: v1alpha1.ProductState{NotFound: true}},
	}
}

func productOf(c *v1alpha1.CustomerStatus, id string) *v1alpha1.Product {
	for i := range c.Products {
		if c.Products[i].ID == id {
			return &c.Products[i]
		}
	}
	return nil
}

// dropUnbilledProducts drops the products that no subscription bills any more. When one is billed again, it is not known
// and is asked for.
func dropUnbilledProducts(a *Aggregate) {
	billed := BilledProducts(a)
	a.Customer.Products = slices.DeleteFunc(a.Customer.Products, func(p v1alpha1.Product) bool {
		if slices.Contains(billed, p.ID) {
			return false
		}
		delete(a.Customer.Positions, partProductPrefix+p.ID)
		return true
	})
	if len(a.Customer.Products) == 0 {
		a.Customer.Products = nil
	}
}
