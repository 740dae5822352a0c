package naming

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// OwnedBy has an object deleted with its customer. It does not block the customer's deletion, which would need another permission.
func OwnedBy(customer *v1alpha1.Customer) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "Customer", Name: customer.Name, UID: customer.UID, Controller: new(true),
	}
}
