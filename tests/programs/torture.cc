#include <alloca.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <stdexcept>
#include <vector>
#include <string>
#define NI __attribute__((noinline))
static volatile int sink;
NI void leaf(int n){ void*p=malloc(n+1); asm volatile(""::"r"(p):"memory"); free(p);} 
NI void va(int n){ char*a=(char*)alloca(n*16+1); a[0]=1; asm volatile(""::"r"(a):"memory"); leaf(n); sink+=a[0]; }
NI void vla(int n){ char a[n+1]; a[0]=n; asm volatile(""::"r"(a):"memory"); if(n>0&&n%7) vla(n-1); else va(n); sink+=a[0]; }
NI void realigned(int n){ alignas(64) char b[64]; memset(b,n,64); asm volatile(""::"r"(b):"memory"); if(n%3) vla(n); else leaf(n); sink+=b[3]; }
NI void thrower(int n){ std::string s(n+40,'x'); if(n%5==0) throw std::runtime_error(s); realigned(n%20);} 
NI void catcher(int n){ try{ if(n%2) thrower(n); else { std::vector<int> v(n+1); thrower(n+1);} } catch(std::exception&e){ leaf(strlen(e.what())); } }
static jmp_buf jb;
NI void jumper(int n){ leaf(n); if(n%3==0) longjmp(jb,1); leaf(n+1); }
NI void setter(int n){ if(!setjmp(jb)) jumper(n); else leaf(3); }
static ucontext_t mainc, co; static char costack[65536]; static int con;
static void cofn(){ for(;;){ vla(con%10); leaf(con); swapcontext(&co,&mainc);} }
static void handler(int){ leaf(5); vla(3); }
NI void rec(int d,int n){ if(d) rec(d-1,n); else catcher(n); asm volatile(""); }
int main(){
  stack_t ss; ss.ss_sp=malloc(65536); ss.ss_size=65536; ss.ss_flags=0; sigaltstack(&ss,0);
  struct sigaction sa; memset(&sa,0,sizeof sa); sa.sa_handler=handler; sa.sa_flags=SA_ONSTACK; sigaction(SIGUSR1,&sa,0); sa.sa_flags=0; sigaction(SIGUSR2,&sa,0);
  getcontext(&co); co.uc_stack.ss_sp=costack; co.uc_stack.ss_size=sizeof costack; co.uc_link=0; makecontext(&co,cofn,0);
  for(int i=0;i<20000;i++){ rec(i%90,i); setter(i); realigned(i%50); con=i; swapcontext(&mainc,&co); if(i%10==0){ raise(SIGUSR1); raise(SIGUSR2);} 
    if(i%500==0){ void*h=dlopen("libz.so.1",RTLD_NOW); if(h) dlclose(h);} }
  puts("ok"); return 0; }
