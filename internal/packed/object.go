package packed

import (
	"encoding/json"
	"fmt"
	"sync"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// object is a packed Customer or Subscription. It never changes.
type object struct {
	kind      *kind
	namespace string // the same string in all objects of a namespace
	// text is the name, then the name of the Customer that the object belongs to, then the resource version, then the compressed
	// JSON of the object: one allocation.
	text                             string
	nameEnd, customerEnd, versionEnd uint16
}

// kind is a kind whose objects are packed.
type kind struct{ new func() client.Object }

var (
	customers     = &kind{func() client.Object { return &v1alpha1.Customer{} }}
	subscriptions = &kind{func() client.Object { return &v1alpha1.Subscription{} }}
)

// kindOf is the kind of an object; nil if it is not one to be packed.
func kindOf(o any) *kind {
	switch o.(type) {
	case *v1alpha1.Customer:
		return customers
	case *v1alpha1.Subscription:
		return subscriptions
	default:
		return nil
	}
}

// pack packs an object of the kind. Anything else stays as it is, and so does an object that could not be unpacked, which takes more
// memory and is as right: the year 9999 in a time zone of the west is the year 10000 in UTC, in which times are encoded.
func (k *kind) pack(o any) any {
	if kindOf(o) != k {
		return o
	}
	whole := o.(client.Object) //nolint:forcetypeassert // of a kind
	text, err := json.Marshal(whole)
	if err != nil || json.Unmarshal(text, k.new()) != nil {
		return o
	}
	p := &object{kind: k, namespace: unique.Make(whole.GetNamespace()).Value()}
	buffer, release := borrow()
	defer release()
	*buffer = append((*buffer)[:0], whole.GetName()...)
	p.nameEnd = uint16(len(*buffer)) //nolint:gosec // at most 253 bytes
	*buffer = append(*buffer, customerOf(whole)...)
	p.customerEnd = uint16(len(*buffer)) //nolint:gosec // as many again
	*buffer = append(*buffer, whole.GetResourceVersion()...)
	p.versionEnd = uint16(len(*buffer)) //nolint:gosec // some 20 bytes more
	*buffer = codec().compress(*buffer, text)
	p.text = string(*buffer)
	return p
}

// unpack makes the object that was packed: a new one each time.
func (o *object) unpack() client.Object {
	buffer, release := borrow()
	defer release()
	whole, err := o.kind.new(), error(nil)
	if *buffer, err = codec().decompress((*buffer)[:0], []byte(o.text[o.versionEnd:])); err == nil {
		err = json.Unmarshal(*buffer, whole)
	}
	if err != nil { // pack has tried it, so the memory of this process is broken
		panic(fmt.Sprintf("unpack %s/%s: %v", o.namespace, o.name(), err))
	}
	return whole
}

func (o *object) name() string { return o.text[:o.nameEnd] }

// customer is the name of the Customer that a Subscription belongs to; empty for a Customer.
func (o *object) customer() string { return o.text[o.nameEnd:o.customerEnd] }

func customerOf(whole client.Object) string {
	if s, ok := whole.(*v1alpha1.Subscription); ok {
		return s.Spec.CustomerRef.Name
	}
	return ""
}

// DeepCopyObject returns the whole object: this is how the cache's readers unpack.
func (o *object) DeepCopyObject() runtime.Object { return o.unpack() }

// GetObjectKind returns no kind: the cache's readers set it.
func (o *object) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// GetObjectMeta returns what stores and selectors of labels look at.
func (o *object) GetObjectMeta() metav1.Object { return identity{packed: o} }

// identity is what is known of a packed object. Anything else panics.
type identity struct {
	metav1.Object // nil
	packed        *object
}

func (i identity) GetNamespace() string { return i.packed.namespace }
func (i identity) GetName() string      { return i.packed.name() }
func (i identity) GetResourceVersion() string {
	return i.packed.text[i.packed.customerEnd:i.packed.versionEnd]
}

// GetLabels unpacks the object, so a list by labels unpacks twice what it returns: list by an index instead.
func (i identity) GetLabels() map[string]string { return i.packed.unpack().GetLabels() }

// buffers are of JSON: a Customer has some 4 KB.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func borrow() (buffer *[]byte, release func()) {
	buffer = buffers.Get().(*[]byte) //nolint:forcetypeassert // New makes them
	return buffer, func() {
		if cap(*buffer) <= 64<<10 {
			buffers.Put(buffer)
		}
	}
}
