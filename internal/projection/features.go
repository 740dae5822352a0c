package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// FeaturesID stands for the features of a customer where the Stripe id of an object is expected: their summary has none.
const FeaturesID = "features"

// The parts of a Customer's status that hold the features: the latest list that is whole, and the latest one that is cut.
const (
	partFeatures    = "features"
	partCutFeatures = "cutFeatures"
)

// maxFeatures is how many features a Customer's status shows: the first ones in alphabetical order.
const maxFeatures = 200

// Features shows the features of the customer's active entitlements.
//
// A list with more than ten features comes cut: the event names the first ten. It must not take away the others, so it is
// a part of its own beside the latest whole list, and both show until the rest is read. For example:
//
//	evt_1  a, b, c                      shows a, b, c.
//	evt_2  c, d, … l, and there are more shows a, b, c, d, … l, in doubt.
//	read   c, d, … l, m                  shows c, d, … l, m.
func Features(a *Aggregate, e *Event) bool {
	c, record := &a.Customer, e.Features
	if record == nil {
		return false
	}
	whole, cut := featureLists(c)
	p := positionOf(e, v1alpha1.AuthorityState, typeRank(e.Type))
	var shows bool
	if record.More {
		if shows = takePart(&c.Positions, partCutFeatures, p); shows {
			cut = record.Keys
		}
	} else {
		if shows = takeStatePart(&c.Positions, partFeatures, p, record.Trace); shows {
			whole = record.Keys
		}
		clearGap(&c.Positions, partFeatures) // each list is whole: one that was lost leaves nothing out
	}
	showFeatures(c, whole, cut)
	return shows && (!record.More || c.CutFeatures != nil)
}

// featureLists are the latest whole list and the latest cut one, as the status holds them.
func featureLists(c *v1alpha1.CustomerStatus) (whole, cut []string) {
	if c.CutFeatures == nil {
		return c.Features, nil
	}
	return c.CutFeatures.Before, c.CutFeatures.First
}

// showFeatures shows the whole list, joined with the cut one if that is not older. Within a second, a whole list that was
// read is the newer one; one that an event reports is not.
func showFeatures(c *v1alpha1.CustomerStatus, whole, cut []string) {
	p, isCut := c.Positions[partCutFeatures]
	if q := c.Positions[partFeatures]; isCut && (p.Created.Before(&q.Created) || p.Created.Equal(&q.Created) && isReading(q)) {
		delete(c.Positions, partCutFeatures)
		isCut = false
	}
	if !isCut {
		c.Features, c.CutFeatures = slices.Clone(whole), nil
		return
	}
	c.CutFeatures = &v1alpha1.CutFeatures{First: slices.Clone(cut), Before: slices.Clone(whole)}
	c.Features = slices.Concat(whole, cut)
	slices.Sort(c.Features)
	c.Features = slices.Compact(c.Features)
	c.Features = c.Features[:min(len(c.Features), maxFeatures)]
}

// FeaturesPosition is the position of the features that show; zero if nothing reported any. It is in doubt if the events of
// a second tie.
func FeaturesPosition(c *v1alpha1.CustomerStatus) v1alpha1.Position {
	if p, isCut := c.Positions[partCutFeatures]; isCut {
		return p
	}
	return c.Positions[partFeatures]
}

// AreFeaturesInDoubt reports whether the features that show are cut, or are those of events that tie.
func AreFeaturesInDoubt(c *v1alpha1.CustomerStatus) bool {
	return c.CutFeatures != nil || c.Positions[partFeatures].Doubt != ""
}

// readFeatures folds a reading of all active entitlements. That completes a cut list, which corrects nothing unless the
// list named a feature that the customer does not have.
func readFeatures(a *Aggregate, e *Event) Difference {
	c := &a.Customer
	wasCut := c.CutFeatures
	if c.DeletedAt != nil || wasCut != nil && e.Features.More && slices.Equal(wasCut.First, e.Features.Keys) {
		return Difference{} // there are too many to show, as it shows already
	}
	d := Difference{}
	if wasCut != nil || !slices.Equal(c.Features, e.Features.Keys) {
		d.Remaining = []string{"features"}
	}
	if d = d.fold(a, e, c.Positions[partFeatures].Doubt, Features); len(d.Repaired) == 0 {
		return d
	}
	switch {
	case c.CutFeatures != nil && !e.Features.More: // a cut list is newer than the reading
		return Difference{Remaining: d.Repaired}
	case wasCut != nil && !slices.ContainsFunc(wasCut.First, func(key string) bool { return !slices.Contains(e.Features.Keys, key) }):
		return Difference{}
	}
	return d
}

// forgetFeatures removes the features of a customer that is deleted at Stripe. Their positions stay: events that come later
// have the same order as before.
func forgetFeatures(c *v1alpha1.CustomerStatus) {
	c.Features, c.CutFeatures = nil, nil
}

// doubtFeatures puts the features in doubt that were forgotten with a deletion that was taken back.
func doubtFeatures(c *v1alpha1.CustomerStatus) {
	if p := FeaturesPosition(c); p.EventID != "" {
		p.Doubt = v1alpha1.DoubtRefuted
		setPosition(&c.Positions, partFeatures, p)
		delete(c.Positions, partCutFeatures)
	}
}

// HasRunningSubscription reports whether a subscription of the customer has not ended. Stripe grants no features without one.
func HasRunningSubscription(c *v1alpha1.CustomerStatus) bool {
	return slices.ContainsFunc(c.Subscriptions, func(s v1alpha1.SubscriptionSummary) bool { return !hasEnded(s.Status) })
}
