package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// namePrefix is that of config/default.
const namePrefix = "tollkeeper-"

// installRoles installs the roles for people, which nobody has until they are bound, as in an installation.
func (s *stage) installRoles(ctx context.Context) error {
	for _, file := range []string{"viewer_role.yaml", "support_role.yaml"} {
		text, err := os.ReadFile(filepath.Join(controlplane.Root(), "config", "rbac", file))
		if err != nil {
			return err
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(text, role); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		role.Name = namePrefix + role.Name
		if err := s.cluster.Client.Create(ctx, role); err != nil {
			return fmt.Errorf("install %s: %w", role.Name, err)
		}
	}
	return nil
}
