package ixy

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const modulePath = "github.com/libixy/libixy/bindings/go"

// readmePrograms are the programs that README.md shows, each with what it says that it prints.
func readmePrograms(t *testing.T) [][]string {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```go\n(.*?)```\n\nIt prints `(.*?)`").FindAllStringSubmatch(string(readme), -1)
	if len(found) != strings.Count(string(readme), "```go\n") || len(found) < 2 {
		t.Fatalf("README.md shows %d programs and what they print", len(found))
	}
	return found
}

// TestOutsideTheTree fetches the module from a module proxy, as a released version comes, and builds and runs the
// programs of README.md with it, with nothing but a C compiler: no libixy is installed. Then once more from a vendor
// folder.
func TestOutsideTheTree(t *testing.T) {
	version, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	tag := "v" + strings.TrimSpace(string(version))
	proxy, user, path := t.TempDir(), t.TempDir(), t.TempDir()
	publish(t, filepath.Join(proxy, modulePath, "@v"), tag)

	programs := readmePrograms(t)
	for i, found := range programs {
		folder := filepath.Join(user, fmt.Sprint("program", i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, "main.go"), found[1])
	}
	write(t, filepath.Join(user, "go.mod"), "module programs\n\ngo 1.19\n")
	run := func(arguments ...string) string {
		command := exec.Command("go", arguments...)
		command.Dir = user
		command.Env = append(os.Environ(), "GOPROXY=file://"+proxy, "GOSUMDB=off", "GOFLAGS=-modcacherw", "GOWORK=off",
			"GOPATH="+path, "GOMODCACHE="+filepath.Join(path, "modules"), "PKG_CONFIG_PATH=", "PKG_CONFIG_LIBDIR=/nonexistent")
		printed, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, printed)
		}
		return string(printed)
	}
	run("get", modulePath+"@"+tag)
	for _, mode := range []string{"-mod=readonly", "-mod=vendor"} {
		if mode == "-mod=vendor" {
			run("mod", "vendor")
		}
		for i, found := range programs {
			if got := run("run", mode, fmt.Sprint("./program", i)); strings.TrimSpace(got) != found[2] {
				t.Errorf("%s: program %d prints %q, not %q", mode, i, got, found[2])
			}
		}
	}
}

// publish makes a module proxy's folder of one version: this module's files as they are.
func publish(t *testing.T, folder, tag string) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, tag+".mod"), string(module))
	write(t, filepath.Join(folder, tag+".info"), `{"Version":"`+tag+`"}`)
	archive, err := os.Create(filepath.Join(folder, tag+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	writer := zip.NewWriter(archive)
	licensed := false
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		licensed = licensed || path == "LICENSE"
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := writer.Create(modulePath + "@" + tag + "/" + filepath.ToSlash(path))
		if err != nil {
			return err
		}
		_, err = io.Copy(to, from)
		return err
	})
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if !licensed {
		t.Error("the module has no LICENSE")
	}
}

func write(t *testing.T, path, content string) {
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
