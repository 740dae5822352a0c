package products

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Shown returns a product as the status of some customer of the same account shows it; nil if none does. So nothing is read
// again after a restart. Any customer will do, since every event about the product goes to all of them.
func Shown(ctx context.Context, reader client.Reader, customer *v1alpha1.Customer, id string) (*projection.Event, error) {
	var list v1alpha1.CustomerList
	if err := reader.List(ctx, &list, client.InNamespace(customer.Namespace), client.Limit(1),
		client.MatchingFields{routing.ByProduct: routing.InAccount(customer.Spec.Account, id)},
		client.DisableReadYourWritesConsistency); err != nil {
		return nil, fmt.Errorf("find a Customer that shows product %s: %w", id, err)
	}
	for i := range list.Items {
		if e := projection.ShownProduct(&list.Items[i].Status, customer.Spec.Account, id); e != nil {
			return e, nil
		}
	}
	return nil, nil
}
