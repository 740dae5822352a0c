// Package condition sets conditions and words their messages.
package condition

import (
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Setter sets conditions of one object at one time.
type Setter struct {
	// Conditions are the object's.
	Conditions *[]metav1.Condition
	// Generation of the object that the conditions are about.
	Generation int64
	// Now is the transition time of a condition whose status changes.
	Now time.Time
}

// Set sets one condition.
func (s Setter) Set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(s.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: s.Generation, LastTransitionTime: metav1.NewTime(s.Now),
	})
}

// Of turns a bool into a condition's status.
func Of(status bool) metav1.ConditionStatus {
	if status {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// Sentence words an error as a message: with a capital letter and a full stop.
func Sentence(err error) string {
	text := []rune(err.Error())
	return string(unicode.ToUpper(text[0])) + string(text[1:]) + "."
}
