package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "product.updated",
		Record:    "product",
		Does:      "sets what the product's metadata grants, for every customer with a subscription to it",
		ByProduct: true,
		read:      readProduct,
		effects:   []projection.Effect{projection.ProductState},
	})
}
