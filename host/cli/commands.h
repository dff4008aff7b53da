/* commands.h - the commands of the program: one file each, cmd_NAME.c, and a row in main.c (eval passes on to its own).
 *
 * A command gets the arguments behind its name and returns the exit code: 0 done, 1 some items failed, 2 usage, 3 input unusable, 4 device or
 * resources, 130 interrupted. */
#ifndef SSG_CLI_COMMANDS_H
#define SSG_CLI_COMMANDS_H

int cmd_inspect(int count, char **arguments);
int cmd_explain(int count, char **arguments);
int cmd_search(int count, char **arguments);
int cmd_generate(int count, char **arguments);
int cmd_eval(int count, char **arguments);
int cmd_eval_masks(int count, char **arguments);
int cmd_eval_boxes(int count, char **arguments);
int cmd_eval_perturb(int count, char **arguments);
int cmd_report(int count, char **arguments);
int cmd_devices(int count, char **arguments);
int cmd_bench(int count, char **arguments);

#endif
