package routing

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// ByErasure is a cache index of the Customers whose erasure has begun, complete or not, by Erased: a list of all Customers
// would have all of them in memory.
const ByErasure = "erasure"

// Erased is the one value of ByErasure.
const Erased = "begun"

// ErasuresOf computes ByErasure.
func ErasuresOf(o client.Object) []string {
	if c, ok := o.(*v1alpha1.Customer); ok && c.Status.Erasure != nil {
		return []string{Erased}
	}
	return nil
}
