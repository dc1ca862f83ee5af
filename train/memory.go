package train

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// freeMemory returns the bytes of memory that this process may still take, as Linux
// reports under root ("/"): what the machine has available, or less if a control group
// limits it. On other systems it is not known.
func freeMemory(root string) (int64, error) {
	free, err := field(filepath.Join(root, "proc/meminfo"), "MemAvailable:")
	if err != nil {
		return 0, errors.ErrUnsupported
	}
	free *= 1 << 10
	for _, dir := range controlGroups(root) {
		for _, v := range []struct{ limit, used, cache string }{
			{"memory.max", "memory.current", "inactive_file"},
			{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
		} {
			limit, err := number(filepath.Join(dir, v.limit))
			if err != nil { // also "max"
				continue
			}
			used, err := number(filepath.Join(dir, v.used))
			if err != nil {
				continue
			}
			// A group gives up pages of files that nobody uses, as many as it must.
			cache, err := field(filepath.Join(dir, "memory.stat"), v.cache)
			if err != nil {
				cache = 0
			}
			free = min(free, limit-used+cache)
		}
	}
	return max(free, 0), nil
}

// controlGroups returns the folders of the process's memory groups, those above included.
func controlGroups(root string) (dirs []string) {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) { // 0::/user.slice/x, or 5:memory:/x
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount := ""
		switch {
		case parts[0] == "0" && parts[1] == "":
			mount = filepath.Join(root, "sys/fs/cgroup")
		case parts[1] == "memory":
			mount = filepath.Join(root, "sys/fs/cgroup/memory")
		default:
			continue
		}
		// In a container the path may be the host's: its own group is the mount.
		dirs = append(dirs, mount)
		for dir := filepath.Join(mount, parts[2]); len(dir) > len(mount); dir = filepath.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// number reads a file that holds a number alone.
func number(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// field reads the number after a name at the beginning of a line.
func field(path, name string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) >= 2 && w[0] == name {
			return strconv.ParseInt(w[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
