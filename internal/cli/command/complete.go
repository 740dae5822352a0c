package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxCompletions bounds how many customers are listed when a shell completes an argument.
const maxCompletions = 500

// completeCustomers completes the first argument to the ids of customers. Addresses are left out: a terminal shows what is
// completed.
func (p *plugin) completeCustomers(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a, namespace, err := p.installation(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var customers v1alpha1.CustomerList
	if err := a.client.List(cmd.Context(), &customers, client.InNamespace(namespace), client.Limit(maxCompletions)); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for i := range customers.Items {
		if id := customers.Items[i].Spec.CustomerID; strings.HasPrefix(id, begun) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, cobra.ShellCompDirectiveNoFileComp
}
