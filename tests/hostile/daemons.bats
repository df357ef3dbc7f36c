# Programs that give up rights after they have started: another user, another root. Under `run` they get
# the same snapshots as all others, and nothing is left behind.
#
# All of this needs root.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "only root can give up rights"
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 700 out
}

teardown() {
	[ ! -e nginx.pid ] || kill -QUIT "$(cat nginx.pid)" 2>/dev/null || :
}

# dropper HOW [WORKERS [SECONDS]]: holds 100 blocks, gives up rights, then loses 5 blocks of 111 bytes.
program() {
	compile dropper <<-'EOF'
		#include <grp.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/wait.h>
		#include <unistd.h>
		struct node { struct node *next; char text[40]; };
		static struct node *held;
		__attribute__((noinline)) static void lose(void) { for (int i = 0; i < 5; i++) { void *volatile p = malloc(111); (void)p; } }
		static int drop(const char *how)
		{
			if (strstr(how, "chroot") && (chroot("empty") || chdir("/")))
				return -1;
			return strstr(how, "user") && (setgroups(0, 0) || setgid(65534) || setuid(65534)) ? -1 : 0;
		}
		int main(int n, char **a)
		{
			int workers = n > 2 ? atoi(a[2]) : 0;
			for (int i = 0; i < 100; i++) { struct node *x = malloc(sizeof *x); x->next = held; held = x; }
			for (int i = 0; i < workers; i++)
				if (!fork()) {
					if (drop(a[1])) _exit(9);
					lose();
					if (n > 3) sleep((unsigned)atoi(a[3]));
					return 0;
				}
			if (!workers) { if (drop(a[1])) return 9; lose(); }
			for (int s, bad = 0; ; bad |= s)
				if (wait(&s) < 0) return bad != 0;
		}
	EOF
	mkdir -p empty
}

is() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }

# whole FILE: the snapshot is complete and has 5 lost blocks of 111 bytes.
whole() {
	json "$("$TIDEMARK" leaks --json "$1")" 'd["snapshot"]["complete"]' 'd["snapshot"]["reason"]' \
		'd["totals"]["unreferenced"]' >got
	printf '%s\n' True exit "{'blocks': 5, 'bytes': 555}" | diff - got
}

@test "a program that changes its user gets a full snapshot" {
	program
	"$TIDEMARK" run -q -o out/x.tide -- ./dropper user
	whole out/x.tide
}

@test "so do workers that a root process forks, as servers do" {
	program
	"$TIDEMARK" run -q -o out/x.tide -- ./dropper user 4
	[ "$(ls out | wc -l)" = 5 ]
	for f in out/x.*.tide; do
		whole "$f"
	done
}

@test "so does one that changes its root as well" {
	program
	"$TIDEMARK" run -q -o out/x.tide -- ./dropper chroot,user 2
	[ "$(ls out | wc -l)" = 3 ]
	for f in out/x.*.tide; do
		whole "$f"
	done
	[ -z "$(ls -A empty)" ]
}

# Such a program may write nothing in the folder of the run: the server makes its ledger.
@test "so do children that it forks, and programs that it starts, as another user already" {
	program
	sed 's/if (!fork()) {/if ((!i \&\& drop("user")) || (!fork())) {/; s/if (drop(a\[1\])) _exit(9);//' dropper.c >later.c
	gcc -g -O0 -o later later.c
	"$TIDEMARK" run -q -o out/x.tide -- ./later user 3
	[ "$(ls out | wc -l)" = 4 ]
	for f in out/x.*.tide; do
		whole "$f"
	done
	rm out/*
	"$TIDEMARK" run -q -o 'out/%e.tide' -- setpriv --reuid=65534 --regid=65534 --clear-groups ./dropper none
	whole out/dropper.tide
	# Forked by one that was started so, twice.
	rm out/*
	"$TIDEMARK" run -q -o out/x.tide -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		sh -c './dropper none 2; ./dropper none 2; true'
	is "$(for f in out/x*.tide; do "$TIDEMARK" leaks --json "$f"; done | grep -c '"unreferenced":{"blocks":5,"bytes":555}')" 4
	run -1 "$TIDEMARK" gate -- setpriv --reuid=65534 --regid=65534 --clear-groups ./dropper none
	[[ $output == *"5 blocks, 555 bytes lost"* ]] || fail "$output"
}

@test "workers under another user get snapshots by time, too" {
	program
	"$TIDEMARK" run -q --every 200ms -o out/x.%p.%n.tide -- ./dropper user 2 1
	# Two workers and the parent: each more than one, the exit's besides.
	[ "$(ls out | wc -l)" -ge 6 ]
	for f in out/*; do
		is "$(json "$("$TIDEMARK" leaks --json "$f")" 'd["snapshot"]["complete"]')" True
	done
}

@test "nothing is left of their ledgers" {
	program
	before=$(ls -d /dev/shm/tidemark-run-* 2>/dev/null | sort)
	"$TIDEMARK" run -q -o out/x.tide -- ./dropper user 3
	# Of runs beside this one there may be some; none has a ledger of ours.
	for folder in $(comm -13 <(echo "$before") <(ls -d /dev/shm/tidemark-run-* 2>/dev/null | sort)); do
		! grep -lqs dropper "$folder"/*.ledger || fail "$folder is left"
	done
}

@test "the workers of nginx under another user leave full snapshots" {
	command -v nginx >/dev/null || skip "no nginx"
	mkdir -p logs
	chmod 777 logs
	cat >nginx.conf <<-EOF
		daemon off; master_process on; worker_processes 2; user nobody nogroup; pid $PWD/nginx.pid; error_log $PWD/logs/e;
		events { }
		http { access_log off; client_body_temp_path $PWD/logs/b; proxy_temp_path $PWD/logs/p; fastcgi_temp_path $PWD/logs/f;
		uwsgi_temp_path $PWD/logs/u; scgi_temp_path $PWD/logs/s;
		server { listen unix:$PWD/socket; location / { return 200 hello; } } }
	EOF
	"$TIDEMARK" run -q -o out/%e.%p.tide -- nginx -p "$PWD" -c nginx.conf 3>&- &
	run=$!
	await 'curl -s --unix-socket socket http://localhost/ >page'
	is "$(cat page)" hello
	kill -QUIT "$(cat nginx.pid)"
	wait $run
	[ "$(ls out | wc -l)" = 3 ] || fail "$(ls out)"
	for f in out/*; do
		is "$(json "$("$TIDEMARK" leaks --json "$f")" 'd["snapshot"]["complete"]')" True
	done
}

@test "without run, doctor says what a program that changed its user needs" {
	program
	chmod 777 out
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$PWD/out/x.tide ./dropper user
	run -0 "$TIDEMARK" doctor
	[[ $(echo $output) == *"became another user on its way needs \`tidemark run\` in front of it"* ]] || fail "$output"
}
