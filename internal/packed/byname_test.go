package packed

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/informers"
)

// A new leader's first read waits until its client follows the cache: that unpacks nothing but the object that is read.
func TestTheFirstReadUnpacksNoObjects(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1alpha1.GroupVersion.WithKind("Customer"), meta.RESTScopeNamespace)
	sample := sampleOf(t, customers).(*v1alpha1.Customer)
	var packing *informer
	c, err := cache.New(&rest.Config{Host: "stand-in"}, cache.Options{
		Scheme: scheme, Mapper: mapper, HTTPClient: http.DefaultClient,
		NewInformer: func(_ toolscache.ListerWatcher, o runtime.Object, resync time.Duration, by toolscache.Indexers) toolscache.SharedIndexInformer {
			packing = NewInformer(listing(sample, watch.NewFake()), o, resync, by).(*informer)
			return packing
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.Start(t.Context()) }()
	reading, err := NewClient(&rest.Config{Host: "stand-in"}, client.Options{
		Scheme: scheme, Mapper: mapper, HTTPClient: http.DefaultClient,
		Cache: &client.CacheOptions{Reader: c, EnableReadYourWritesConsistency: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got v1alpha1.Customer
	if err := reading.Get(t.Context(), client.ObjectKeyFromObject(sample), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, &got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(v1alpha1.Customer{}, "TypeMeta")); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	packing.recent.mutex.Lock()
	defer packing.recent.mutex.Unlock()
	if n := len(packing.recent.objects); n > 0 {
		t.Errorf("%d objects were unpacked for the client to follow the cache", n)
	}
}

// listing is an API server with one Customer.
func listing(one *v1alpha1.Customer, changes watch.Interface) toolscache.ListerWatcher {
	return informers.ListOnly{ListWatch: &toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			return &v1alpha1.CustomerList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: []v1alpha1.Customer{*one}}, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return changes, nil },
	}}
}
