package explain

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
)

// Erasure is how far the erasure of the customer's personal data is.
type Erasure struct {
	// RequestedBy names the user that requested it, with the time and the reason; absent if --erase-deleted-customers began it.
	RequestedBy string `json:"requestedBy,omitempty"`
	// StartedAt is absent while the erasure waits, such as for the deletion at Stripe. It is that of the former request until the
	// operator takes up a new one.
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// CompletedAt is absent while personal data may be left, or a new request is not answered.
	CompletedAt *metav1.Time `json:"completedAt,omitempty"`
	// Message is that of the condition Erased.
	Message string `json:"message,omitempty"`
}

// erasureOf is nil if none is requested.
func erasureOf(c *v1alpha1.Customer) *Erasure {
	known, requestedBy := c.Status.Erasure, c.Annotations[v1alpha1.AnnotationErase]
	if known == nil && requestedBy == "" {
		return nil
	}
	e := &Erasure{RequestedBy: requestedBy}
	condition := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionErased)
	isTrue := condition != nil && condition.Status == metav1.ConditionTrue
	isErased := isTrue && v1alpha1.IsErasureComplete(c)
	if condition != nil && (isErased || !isTrue) { // else it is about the former request
		e.Message = condition.Message
	}
	if known != nil {
		e.StartedAt = known.StartedAt.DeepCopy()
	}
	if isErased {
		e.CompletedAt = known.CompletedAt.DeepCopy()
	}
	return e
}

// gone says that the customer is deleted at Stripe, or erased, and when; one sentence each.
func (e Explanation) gone() []string {
	var sentences []string
	if e.DeletedAt != nil {
		sentences = append(sentences, "It was deleted at Stripe on "+say.Moment(e.DeletedAt.Time)+".")
	}
	switch {
	case e.Erasure == nil:
		return sentences
	case e.Erasure.CompletedAt != nil:
		return append(sentences, "Its personal data was erased on "+say.Moment(e.Erasure.CompletedAt.Time)+": no name and no address is left to show.")
	case e.Erasure.StartedAt == nil:
		return append(sentences, strings.TrimSpace("The erasure of its personal data is requested, and has not begun. "+e.Erasure.Message))
	default:
		return append(sentences, cmp.Or(e.Erasure.Message, "Its personal data is being erased."))
	}
}
