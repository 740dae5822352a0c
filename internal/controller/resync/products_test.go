package resync

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A batch of products alone has a time, since a comparison that it brings about names one. With other objects, theirs stays.
func TestABatchOfProductsHasATime(t *testing.T) {
	product := projection.MissingProduct("", "prod_A", metav1.NewTime(noon))
	alone, withOthers := &readings.Batch{}, &readings.Batch{At: noon.Add(interval)}
	addProduct(alone, product)
	addProduct(withOthers, product)
	if !alone.At.Equal(noon) || !withOthers.At.Equal(noon.Add(interval)) || len(alone.Objects) != 1 {
		t.Errorf("alone: %+v, with others: %+v", alone, withOthers)
	}
}
